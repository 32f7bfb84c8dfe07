package watch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/jobs"
	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/internal/ticker"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// Tables are the tables of this package. Their names begin with certificates_.
func Tables() migrate.Set { return migrate.Embedded("certificates_version", migrations) }

// sweepTimeout bounds one sweep with its bookkeeping. A thousand names take seconds.
const sweepTimeout = 10 * time.Minute

// digestMemory is how late a digest may still come if no replica ran at its time.
const digestMemory = 24 * time.Hour

// sweepArgs is the job that sweeps once.
type sweepArgs struct{}

// Kind implements [river.JobArgs].
func (sweepArgs) Kind() string { return "certificates_sweep" }

// InsertOpts allows one attempt, since the next sweep does the same work.
func (sweepArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// digestArgs is the job that makes the digest of one tick of the schedule. Older releases enqueued
// it without the tick.
type digestArgs struct {
	Tick time.Time `json:"tick,omitzero"`
}

// Kind implements [river.JobArgs].
func (digestArgs) Kind() string { return "certificates_digest" }

// InsertOpts allows a few attempts: the next tick may be a week away.
func (digestArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 5} }

// AddWorkers registers the watch's jobs.
func (w *Watch) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &sweepWorker{watch: w})
	river.AddWorker(workers, &digestWorker{watch: w})
}

// PeriodicJobs returns the job that sweeps, for the program's River client. It also runs when the
// client starts.
func (w *Watch) PeriodicJobs(settings certificates.Settings) []*river.PeriodicJob {
	interval := river.PeriodicInterval(settings.WithDefaults().Interval)
	sweep := func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil }
	return []*river.PeriodicJob{river.NewPeriodicJob(interval, sweep, &river.PeriodicJobOpts{RunOnStart: true})}
}

// DigestTicker returns what enqueues a digest for each tick of the schedule. Its Run is for every
// replica.
func (w *Watch) DigestTicker(settings certificates.Settings, log *slog.Logger) (*ticker.Ticker, error) {
	ticks, err := settings.Digest.Ticks()
	if err != nil {
		return nil, fmt.Errorf("digest.%w", err)
	}
	inserter, err := jobs.Inserter(w.pool, log)
	if err != nil {
		return nil, err
	}
	return &ticker.Ticker{
		Pool:   w.pool,
		Log:    log,
		Table:  "certificates_schedule",
		Ticks:  ticks,
		Memory: digestMemory,
		Do: func(ctx context.Context, tx pgx.Tx, tick time.Time) error {
			_, err := inserter.InsertTx(ctx, tx, digestArgs{Tick: tick}, nil)
			return err
		},
	}, nil
}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	watch *Watch
}

// Timeout implements [river.Worker].
func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return sweepTimeout }

// Work sweeps unless another replica does.
func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	_, err := w.watch.alone(ctx, func(ctx context.Context) error {
		_, err := w.watch.Tick(ctx)
		return err
	})
	return err
}

// sweepLock makes the scheduled sweeps of all replicas take turns.
var sweepLock = locks.Named("certificates", "sweep")

// alone runs do unless a replica is sweeping, and reports whether it ran.
func (w *Watch) alone(ctx context.Context, do func(context.Context) error) (bool, error) {
	return locks.Alone(ctx, w.pool, sweepLock, do)
}

type digestWorker struct {
	river.WorkerDefaults[digestArgs]
	watch *Watch
}

// Timeout implements [river.Worker].
func (*digestWorker) Timeout(*river.Job[digestArgs]) time.Duration { return sweepTimeout }

// Work hands over the digest of the job's tick.
func (w *digestWorker) Work(ctx context.Context, job *river.Job[digestArgs]) error {
	if job.Args.Tick.IsZero() {
		return nil // of an older release; the ticker has enqueued the digest as well
	}
	return w.watch.Digest(ctx, job.Args.Tick)
}
