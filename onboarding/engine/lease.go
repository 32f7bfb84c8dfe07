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

	"github.com/atlilith/onboardbot/internal/locks"
)

const (
	// takeoverInterval is how often a replica looks for jobs whose worker is gone. River itself would rescue them after an hour.
	takeoverInterval = 2 * time.Second
	// maxTakeover is how many running jobs are looked at in one go, the most that River lists.
	maxTakeover = 10_000
)

// Lease tells the other replicas that this one is alive: a session-level lock on the name of its River client, which the database
// frees when the process dies, however it dies. Every replica gives back the jobs of those whose lock is free.
type Lease struct {
	engine  *Engine
	client  string
	session *locks.Session // nil after it was lost
}

// clientLock is the lock of a River client that is alive.
const clientLock = "client"

// Lease takes the lease of a River client, which must not have started yet, and gives back what dead clients left. [Lease.Keep]
// goes on doing so.
func (e *Engine) Lease(ctx context.Context, client string) (*Lease, error) {
	lease := &Lease{engine: e, client: client}
	if err := lease.take(ctx); err != nil {
		return nil, err
	}
	if err := e.takeOver(ctx); err != nil {
		lease.Release()
		return nil, err
	}
	return lease, nil
}

func (l *Lease) take(ctx context.Context) error {
	session, err := locks.Open(ctx, l.engine.pool)
	if err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	if err := session.Lock(ctx, locks.Named(clientLock, l.client)); err != nil {
		session.Close()
		return fmt.Errorf("lease: %w", err)
	}
	l.session = session
	return nil
}

// Keep holds the lease and takes over from dead replicas until the context ends.
func (l *Lease) Keep(ctx context.Context) {
	ticker := time.NewTicker(takeoverInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := l.renew(ctx); err != nil && ctx.Err() == nil {
			l.engine.log.WarnContext(ctx, "the lease of this replica could not be kept", "error", err)
		}
	}
}

// renew takes the lease again after a connection that broke, then takes over.
func (l *Lease) renew(ctx context.Context) error {
	if l.session == nil || l.session.Conn().Ping(ctx) != nil {
		l.Release()
		if err := l.take(ctx); err != nil {
			return err
		}
	}
	return l.engine.takeOver(ctx)
}

// Release gives the lease back.
func (l *Lease) Release() {
	if l.session != nil {
		l.session.Close()
		l.session = nil
	}
}

// takeOver makes the running jobs of dead clients available again. The last entry of AttemptedBy is the client that runs the job.
func (e *Engine) takeOver(ctx context.Context) error {
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
		return nil, fmt.Errorf("leases: %w", err)
	}
	dead, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("leases: %w", err)
	}
	return dead, nil
}

var selectDeadClients = `SELECT client FROM unnest($1::text[]) client WHERE NOT ` + locks.HeldSQL(locks.KeySQL("client", clientLock))

// rescue makes a job available as River's own rescuer does, unless it was taken up again since it was listed.
func (e *Engine) rescue(ctx context.Context, job *rivertype.JobRow, client string) error {
	now := time.Now().UTC()
	entry, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: job.Attempt, Error: "its worker " + client + " is gone"})
	if err != nil {
		return err
	}
	_, err = riverpgxv5.New(e.pool).GetExecutor().JobRescueMany(ctx, &riverdriver.JobRescueManyParams{
		ID: []int64{job.ID}, Error: [][]byte{entry}, FinalizedAt: []*time.Time{nil}, ScheduledAt: []time.Time{job.ScheduledAt},
		State: []string{string(rivertype.JobStateAvailable)}, StuckHorizon: job.AttemptedAt.Add(time.Microsecond)})
	return err
}
