package reports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/schedule"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// Queue is the River queue of reports. One worker is enough: reports take turns, also those of other replicas.
const Queue = "isolation"

const (
	// reportTimeout bounds one report. River's RescueStuckJobsAfter must be longer, as its default of an hour is.
	reportTimeout = 40 * time.Minute
	// reportAttempts is how often a check is begun that could say nothing, before the report says so.
	reportAttempts = 3
	// turnEvery is how often a report asks whether it is its turn.
	turnEvery = time.Second
	// enterTimeout bounds the bookkeeping of a report whose check took all the time.
	enterTimeout = 30 * time.Second
)

// Checker proves isolation; [isolation.Checker] does.
type Checker interface {
	Check(ctx context.Context, options isolation.Options) (*isolation.Report, error)
}

var _ Checker = (*isolation.Checker)(nil)

// Announcer takes reports to where people read them. It is called inside the transaction that stores the report, so it must only
// put rows there; when it fails, the report is made again.
type Announcer interface {
	Announce(ctx context.Context, tx pgx.Tx, record Record) error
}

// Watch makes the reports that the book lists, and lists those that the schedule wants.
type Watch struct {
	book      *Store
	checker   Checker
	announcer Announcer
	settings  Settings
	ticks     *schedule.Ticks // nil for never
}

// NewWatch returns a watch. [Watch.AddWorkers] lets it make reports, [Watch.Run] lists the scheduled ones.
func NewWatch(book *Store, checker Checker, announcer Announcer, settings Settings) (*Watch, error) {
	if err := settings.ValidateSchedule(); err != nil {
		return nil, fmt.Errorf("isolation.%w", err)
	}
	ticks, err := settings.Schedule.Ticks()
	if err != nil {
		return nil, fmt.Errorf("isolation.schedule.%w", err)
	}
	return &Watch{book: book, checker: checker, announcer: announcer, settings: settings, ticks: ticks}, nil
}

// AddWorkers registers the job that makes reports.
func (w *Watch) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &reportWorker{watch: w})
}

// reportArgs is the job that makes one report.
type reportArgs struct{ Request }

func (reportArgs) Kind() string { return "isolation_report" }

// InsertOpts allows few attempts: nothing that a check does stays, but people wait for what it says.
func (reportArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: reportAttempts}
}

type reportWorker struct {
	river.WorkerDefaults[reportArgs]
	watch *Watch
}

func (*reportWorker) Timeout(*river.Job[reportArgs]) time.Duration { return reportTimeout }

func (*reportWorker) NextRetry(job *river.Job[reportArgs]) time.Time {
	return time.Now().Add(time.Duration(job.Attempt) * 2 * time.Second)
}

func (w *reportWorker) Work(ctx context.Context, job *river.Job[reportArgs]) error {
	mine, err := w.watch.alone(ctx, func(ctx context.Context) error {
		// Nobody waits for a scheduled report, so that one may be tried again; whoever asked wants to know now.
		return w.watch.report(ctx, job.Args.Request, job.Attempt >= job.MaxAttempts || job.Args.By != "")
	})
	if err == nil && !mine {
		return river.JobSnooze(turnEvery)
	}
	return err
}

// report answers a request. The last attempt answers whatever comes of it.
func (w *Watch) report(ctx context.Context, request Request, final bool) error {
	if known, err := w.book.known(ctx, request); err != nil || known {
		return err
	}
	if late, err := w.late(ctx, request); err != nil || late {
		return err
	}
	record := Record{Request: request}
	report, err := w.checker.Check(ctx, isolation.Options{Tenant: request.Tenant})
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return river.JobSnooze(0) // the bot stops; another replica, or the next start, goes on
	case request.Tenant != "" && errors.Is(err, pgx.ErrNoRows):
		record.Problem = fmt.Sprintf("the platform has no tenant %q", request.Tenant)
	case err != nil && !final:
		return fmt.Errorf("isolation: %w", err)
	case err != nil:
		record.Problem = platform.Explain(err)
		w.book.log.WarnContext(ctx, "isolation could not be checked", "error", err)
	}
	record.Report, record.At = report, time.Now().Truncate(time.Microsecond)
	entering, cancel := context.WithTimeout(context.WithoutCancel(ctx), enterTimeout)
	defer cancel()
	if err := w.book.enter(entering, record, w.announcer); err != nil {
		return fmt.Errorf("isolation report: %w", err)
	}
	return nil
}

// turnLock is the advisory lock under which the reports of all replicas take turns; it dies with who holds it.
const turnLock = `hashtextextended('onboardbot/isolation', 0)`

// alone does something unless another report is under way, and reports whether it did.
func (w *Watch) alone(ctx context.Context, do func(context.Context) error) (bool, error) {
	conn, err := w.book.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+turnLock+`)`).Scan(&mine); err != nil || !mine {
		return false, err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ending, `SELECT pg_advisory_unlock(`+turnLock+`)`); err != nil {
			_ = conn.Conn().Close(ending) // which frees it as well
		}
	}()
	return true, do(ctx)
}
