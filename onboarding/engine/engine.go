// Package engine advances runs: it observes what is left to do in each step, asks for approval,
// and applies what was approved.
//
// River drives it: a job advances one run as far as it goes by itself. A run is advanced under a
// session-level advisory lock, by one process at a time, and everything that is written about it
// goes through the session that holds the lock. Observations go on beside each other and beside
// what is applied; the changes of a run are applied one at a time, and only through the gate
// (gate.go).
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/jobs"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// JobTimeout bounds one job that advances a run. River's RescueStuckJobsAfter must be longer, as
// its default of an hour is.
const JobTimeout = 45 * time.Minute

// Queue is the River queue of the jobs that advance runs. Such a job holds a connection and may
// take as long as a deployment, so it has a queue of its own: nothing that people wait for stands
// behind it.
const Queue = "runs"

// Dependencies are what the engine works with. None may be nil except Votes.
type Dependencies struct {
	Runbook   onboarding.Runbook
	Applier   onboarding.Applier
	Directory onboarding.Directory
	Notifier  store.Notifier
	// Signer verifies who requested a run and who voted. Nil: nothing is signed.
	Signer onboarding.Signer
}

// Engine advances runs. It is safe for concurrent use, and any replica can advance any run.
type Engine struct {
	runbook   onboarding.Runbook
	applier   onboarding.Applier
	directory onboarding.Directory
	notifier  store.Notifier
	open      Open
	pool      *pgxpool.Pool
	jobs      *river.Client[pgx.Tx]
	policy    onboarding.Policy
	log       *slog.Logger
	driven    sync.Map // by the id of each run that this process advances, the channel that wakes its driver
	signer    onboarding.Signer
}

// New returns an engine on the bot's own database, whose connections must have the schema of
// [store.Migrate] as their search path.
func New(pool *pgxpool.Pool, dependencies Dependencies, policy onboarding.Policy, log *slog.Logger) (*Engine, error) {
	engine, err := NewOn(nil, dependencies, policy, log)
	if err != nil {
		return nil, err
	}
	engine.open, engine.pool = engine.openPostgres, pool
	engine.jobs, err = jobs.Inserter(pool, log)
	return engine, err
}

// NewOn returns an engine that keeps runs elsewhere than in a database: of its methods only
// [Engine.Advance] works.
func NewOn(open Open, dependencies Dependencies, policy onboarding.Policy, log *slog.Logger) (*Engine, error) {
	policy.Defaults()
	if err := policy.Validate(); err != nil {
		return nil, err
	}
	if dependencies.Signer == nil {
		dependencies.Signer = onboarding.NoSecondFactor{}
	}
	return &Engine{signer: dependencies.Signer, runbook: dependencies.Runbook,
		applier: dependencies.Applier, directory: dependencies.Directory,
		notifier: dependencies.Notifier, open: open, policy: policy, log: log}, nil
}

// Wake has the engine advance a run once the transaction commits: at a time or, for the zero
// time, at once.
func (e *Engine) Wake(ctx context.Context, tx pgx.Tx, run uuid.UUID, at time.Time) error {
	if _, err := e.jobs.InsertTx(ctx, tx, advanceArgs{RunID: run}, &river.InsertOpts{ScheduledAt: at}); err != nil {
		return fmt.Errorf("waking run %s: %w", run, err)
	}
	return nil
}

// AddWorkers registers the jobs that advance runs.
func (e *Engine) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &advanceWorker{engine: e})
}

// advanceArgs is the job that takes a run as far as it goes by itself.
type advanceArgs struct {
	RunID uuid.UUID `json:"run_id"`
}

func (advanceArgs) Kind() string { return "onboarding_advance" }

// InsertOpts allows many attempts: the job has no side effect that the gate does not guard, and a
// database that is away for a while must not end a run.
func (advanceArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: 100, Queue: Queue}
}

type advanceWorker struct {
	river.WorkerDefaults[advanceArgs]
	engine *Engine
}

func (w *advanceWorker) Timeout(*river.Job[advanceArgs]) time.Duration { return JobTimeout }

// NextRetry keeps a run from standing still for long after a passing failure of the database.
func (w *advanceWorker) NextRetry(job *river.Job[advanceArgs]) time.Time {
	return time.Now().Add(min(time.Duration(job.Attempt)*time.Second, 30*time.Second))
}

// How soon a job tries again to advance a run that another job is advancing. The other job
// notices what changes meanwhile, except what changes at the moment in which it ends. The first
// tries therefore follow closely, and later ones do not.
const (
	leastSnooze = 200 * time.Millisecond
	mostSnooze  = 5 * time.Second
)

// lookupPause is how long a run waits until it asks again who may decide, after the directory
// failed to say so.
const lookupPause = 15 * time.Second

func (w *advanceWorker) Work(ctx context.Context, job *river.Job[advanceArgs]) error {
	again, err := w.engine.Advance(ctx, job.Args.RunID, job.CreatedAt)
	switch {
	case errors.Is(err, onboarding.ErrNotFound):
		return river.JobCancel(err)
	case err == nil && again > 0:
		return river.JobSnooze(again)
	}
	return err
}

// Advance takes a run as far as it goes by itself. Since is when it was first to be advanced. If
// again is not 0, the caller calls Advance again after that time: another process is advancing the
// run, the directory does not answer, or a window is about to open. It returns
// [onboarding.ErrNotFound].
func (e *Engine) Advance(ctx context.Context, id uuid.UUID, since time.Time) (again time.Duration, err error) {
	again, err = e.advance(ctx, id)
	if errors.Is(err, errHeld) {
		e.Nudge(id)
		return min(max(time.Since(since), leastSnooze), mostSnooze), nil
	}
	if refusal, refused := errors.AsType[*RefusedError](err); refused && refusal.Line == LineDirectory {
		return lookupPause, nil
	}
	return again, err
}

// Nudge has the driver of a run, if it is in this process, read the run again.
func (e *Engine) Nudge(id uuid.UUID) {
	if wakeups, ok := e.driven.Load(id); ok {
		wake(wakeups.(chan struct{}))
	}
}

// wake leaves word on a channel that holds one.
func wake(wakeups chan struct{}) {
	select {
	case wakeups <- struct{}{}:
	default:
	}
}
