package reports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// Queue is the River queue of reports. One worker for each replica is enough, since checks take
// turns.
const Queue = "isolation"

const (
	// reportTimeout bounds one report. River's RescueStuckJobsAfter must be longer; its default
	// is an hour.
	reportTimeout = 40 * time.Minute
	// reportAttempts is how often a check that fails to run is tried before the report says so.
	reportAttempts = 3
	// turnInterval is how often a job tries to get its turn.
	turnInterval = time.Second
	// saveTimeout bounds saving a report whose check took all the time.
	saveTimeout = 30 * time.Second
)

// Checker checks isolation. [isolation.Checker] implements it.
type Checker interface {
	Check(ctx context.Context, options isolation.Options) (*isolation.Report, error)
}

var _ Checker = (*isolation.Checker)(nil)

// Announcer passes reports on to the people who read them. Announce runs inside the transaction
// that stores the report, so it must only insert rows. When it fails, the check runs again.
type Announcer interface {
	Announce(ctx context.Context, tx pgx.Tx, record Record) error
}

// Worker makes the reports that the store has enqueued.
type Worker struct {
	store     *Store
	turn      *Turn
	checker   Checker
	announcer Announcer
}

// NewWorker returns a worker.
func NewWorker(store *Store, turn *Turn, checker Checker, announcer Announcer) *Worker {
	return &Worker{store: store, turn: turn, checker: checker, announcer: announcer}
}

// AddTo registers the job that makes one report.
func (w *Worker) AddTo(workers *river.Workers) {
	river.AddWorker(workers, &reportWorker{reports: w})
}

// reportArgs are the arguments of the job that makes one report.
type reportArgs struct{ Request }

func (reportArgs) Kind() string { return "isolation_report" }

// InsertOpts allows few attempts. A check has no side effects, but people wait for its report.
func (reportArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: reportAttempts}
}

type reportWorker struct {
	river.WorkerDefaults[reportArgs]
	reports *Worker
}

func (*reportWorker) Timeout(*river.Job[reportArgs]) time.Duration { return reportTimeout }

func (*reportWorker) NextRetry(job *river.Job[reportArgs]) time.Time {
	return time.Now().Add(time.Duration(job.Attempt) * 2 * time.Second)
}

func (w *reportWorker) Work(ctx context.Context, job *river.Job[reportArgs]) error {
	called, err := w.reports.turn.try(ctx, func(ctx context.Context) error {
		// Nobody waits for a scheduled report, so its check may run again; an operator who asked
		// wants to know now.
		return w.reports.report(ctx, job.Args.Request, job.Attempt >= job.MaxAttempts || job.Args.By != "")
	})
	if err == nil && !called {
		return river.JobSnooze(turnInterval)
	}
	return err
}

// report answers a request. The last attempt saves a report even when the check fails to run.
func (w *Worker) report(ctx context.Context, request Request, last bool) error {
	if answered, err := w.store.answered(ctx, request); err != nil || answered {
		return err
	}
	if superseded, err := w.store.superseded(ctx, request); err != nil || superseded {
		return err
	}
	record := Record{Request: request}
	report, err := w.checker.Check(ctx, isolation.Options{Tenant: request.Tenant, Deep: request.Deep})
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return river.JobSnooze(0) // the bot stops; another replica, or the next start, makes the report
	case request.Tenant != "" && errors.Is(err, pgx.ErrNoRows):
		record.Problem = fmt.Sprintf("the platform has no tenant %q", request.Tenant)
	case err != nil && !last:
		return fmt.Errorf("isolation: %w", err)
	case err != nil:
		record.Problem = platform.Explain(err)
		w.store.log.WarnContext(ctx, "the isolation check failed to run", "error", err)
	}
	record.Report, record.At = report, time.Now().Truncate(time.Microsecond)
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := w.store.save(saving, record, w.announcer); err != nil {
		return fmt.Errorf("isolation report: %w", err)
	}
	return nil
}
