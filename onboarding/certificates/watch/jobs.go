package watch

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/internal/schedule"
	"github.com/atlilith/onboardbot/onboarding/certificates"
)

// Tables are the tables of this package. Their names begin with certificates_.
func Tables() migrate.Set {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return migrate.Set{Table: "certificates_version", Files: files}
}

// sweepTimeout bounds one sweep with its bookkeeping. A thousand names take seconds.
const sweepTimeout = 10 * time.Minute

// digestMemory is how late a digest may still come, after a time in which nothing ran.
const digestMemory = 24 * time.Hour

// sweepArgs is the job that looks at everything once.
type sweepArgs struct{}

func (sweepArgs) Kind() string { return "certificates_sweep" }

// InsertOpts allows one attempt: the next sweep finds the same, since what is due is derived from what is.
func (sweepArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 1} }

// digestArgs is the job that sums up. It finds out itself for which tick of the schedule.
type digestArgs struct{}

func (digestArgs) Kind() string { return "certificates_digest" }

// InsertOpts allows a few attempts: the next tick may be a week away.
func (digestArgs) InsertOpts() river.InsertOpts { return river.InsertOpts{MaxAttempts: 5} }

// AddWorkers registers the watch's jobs.
func (w *Watch) AddWorkers(workers *river.Workers, settings certificates.Settings) error {
	ticks, err := settings.Digest.Ticks()
	if err != nil {
		return fmt.Errorf("digest.%w", err)
	}
	river.AddWorker(workers, &sweepWorker{watch: w})
	river.AddWorker(workers, &digestWorker{watch: w, ticks: ticks})
	return nil
}

// PeriodicJobs are for the program's River client. Both also run when it starts, for what was missed meanwhile.
func (w *Watch) PeriodicJobs(settings certificates.Settings) ([]*river.PeriodicJob, error) {
	settings = settings.WithDefaults()
	ticks, err := settings.Digest.Ticks()
	if err != nil {
		return nil, fmt.Errorf("digest.%w", err)
	}
	sweep := func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil }
	jobs := []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(settings.Interval), sweep, &river.PeriodicJobOpts{RunOnStart: true})}
	if ticks != nil {
		digest := func() (river.JobArgs, *river.InsertOpts) { return digestArgs{}, nil }
		jobs = append(jobs, river.NewPeriodicJob(ticks, digest, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return jobs, nil
}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	watch *Watch
}

func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return sweepTimeout }

func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	_, err := w.watch.alone(ctx, func(ctx context.Context) error {
		_, err := w.watch.Tick(ctx)
		return err
	})
	return err
}

// sweepLock is the advisory lock under which the scheduled sweeps of all replicas take turns; it dies with who holds it.
const sweepLock = `hashtextextended('onboardbot/certificates/sweep', 0)`

// alone does something unless another replica is at it already, and reports whether it did.
func (w *Watch) alone(ctx context.Context, do func(context.Context) error) (bool, error) {
	conn, err := w.pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Release()
	var mine bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(`+sweepLock+`)`).Scan(&mine); err != nil || !mine {
		return false, err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ending, `SELECT pg_advisory_unlock(`+sweepLock+`)`); err != nil {
			_ = conn.Conn().Close(ending) // which frees it as well
		}
	}()
	return true, do(ctx)
}

type digestWorker struct {
	river.WorkerDefaults[digestArgs]
	watch *Watch
	ticks *schedule.Ticks // nil for never
}

func (*digestWorker) Timeout(*river.Job[digestArgs]) time.Duration { return sweepTimeout }

func (w *digestWorker) Work(ctx context.Context, _ *river.Job[digestArgs]) error {
	if w.ticks == nil {
		return nil // the schedule was taken out of the configuration meanwhile
	}
	// The clock that inserted the job may be a moment ahead of this one.
	now := time.Now().Add(time.Second)
	if tick := w.ticks.Newest(now.Add(-digestMemory), now); !tick.IsZero() {
		return w.watch.Digest(ctx, tick)
	}
	return nil
}
