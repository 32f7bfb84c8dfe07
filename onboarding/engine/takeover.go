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
	takeoverInterval = time.Second
	// maxTakeover is how many running jobs are looked at in one go, the most that River lists.
	maxTakeover = 10_000
)

// KeepTakingOver ends what replicas still hold that give no sign of life, and gives back the jobs
// of those that died, until the context ends.
func (e *Engine) KeepTakingOver(ctx context.Context) {
	ticker := time.NewTicker(takeoverInterval)
	defer ticker.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// What held up this loop, such as the database, may have held up the others' signs of
		// life.
		punctual := time.Since(last) < 2*takeoverInterval
		last = time.Now()
		if punctual {
			e.endLapsed(ctx)
		}
		if err := e.TakeOver(ctx); err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "jobs of other replicas could not be taken over", "error", err)
		}
	}
}

// endLapsed ends the connections of replicas that give no sign of life, which frees the locks of
// their runs.
func (e *Engine) endLapsed(ctx context.Context) {
	lapsed, err := liveness.EndLapsed(ctx, e.pool, liveness.Lease)
	if err != nil && ctx.Err() == nil {
		e.log.WarnContext(ctx, "the connections of a replica that gives no sign of life could not be ended",
			"error", err)
	}
	for _, replica := range lapsed {
		e.log.WarnContext(ctx, "ended the connections of a replica that gives no sign of life", "replica", replica,
			"lease", liveness.Lease)
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
