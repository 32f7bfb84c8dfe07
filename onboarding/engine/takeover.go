package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"github.com/atlilith/onboardbot/internal/liveness"
)

const (
	// takeoverInterval is how often a replica looks for jobs whose worker is gone. River itself
	// would rescue them after an hour.
	takeoverInterval = 2 * time.Second
	// maxTakeover is how many running jobs are looked at in one go, the most that River lists.
	maxTakeover = 10_000
)

// KeepTakingOver gives back the jobs of replicas that died, until the context ends.
func (e *Engine) KeepTakingOver(ctx context.Context) {
	ticker := time.NewTicker(takeoverInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := e.TakeOver(ctx); err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "jobs of other replicas could not be taken over", "error", err)
		}
	}
}

// TakeOver makes the running jobs of dead replicas available again, whatever they are. A River
// client has the id of its replica (see package liveness); the last entry of AttemptedBy is the
// client that runs the job.
func (e *Engine) TakeOver(ctx context.Context) error {
	running, err := e.jobs.JobList(ctx, river.NewJobListParams().States(rivertype.JobStateRunning).First(maxTakeover))
	if err != nil {
		return fmt.Errorf("running jobs: %w", err)
	}
	var clients []string
	for _, job := range running.Jobs {
		clients = append(clients, job.AttemptedBy[len(job.AttemptedBy)-1])
	}
	slices.Sort(clients)
	dead, err := e.deadClients(ctx, slices.Compact(clients))
	if err != nil || len(dead) == 0 {
		return err
	}
	count := 0
	for _, job := range running.Jobs {
		if client := job.AttemptedBy[len(job.AttemptedBy)-1]; slices.Contains(dead, client) {
			if err := e.rescue(ctx, job, client); err != nil {
				return fmt.Errorf("job %d of client %s: %w", job.ID, client, err)
			}
			count++
		}
	}
	e.log.InfoContext(ctx, "took over the jobs of a replica that is gone", "jobs", count)
	return nil
}

// deadClients returns those of some clients whose lock is free.
func (e *Engine) deadClients(ctx context.Context, clients []string) ([]string, error) {
	if len(clients) == 0 {
		return nil, nil
	}
	rows, err := e.pool.Query(ctx, selectDeadClients, clients)
	if err != nil {
		return nil, fmt.Errorf("replicas: %w", err)
	}
	dead, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("replicas: %w", err)
	}
	return dead, nil
}

var selectDeadClients = `SELECT client FROM unnest($1::text[]) client WHERE NOT ` +
	liveness.AliveSQL(liveness.KeySQL("client"))

// rescue makes a job available as River's own rescuer does, unless it was taken up again since it
// was listed.
func (e *Engine) rescue(ctx context.Context, job *rivertype.JobRow, client string) error {
	now := time.Now().UTC()
	gone := rivertype.AttemptError{At: now, Attempt: job.Attempt, Error: "its worker " + client + " is gone"}
	entry, err := json.Marshal(gone)
	if err != nil {
		return err
	}
	_, err = riverpgxv5.New(e.pool).GetExecutor().JobRescueMany(ctx, &riverdriver.JobRescueManyParams{
		ID: []int64{job.ID}, Error: [][]byte{entry}, FinalizedAt: []*time.Time{nil},
		ScheduledAt: []time.Time{job.ScheduledAt}, State: []string{string(rivertype.JobStateAvailable)},
		StuckHorizon: job.AttemptedAt.Add(time.Microsecond)})
	return err
}
