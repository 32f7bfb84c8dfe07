package projection

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/certs"
)

// redirectEvery is how often messages whose channel or thread is gone are looked for.
const redirectEvery = time.Minute

// redirectArgs is the job that moves messages whose channel or thread is gone.
type redirectArgs struct{}

func (redirectArgs) Kind() string { return "certificates_redirect" }

// InsertOpts allows one attempt: the next job does the same.
func (redirectArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outbox.Queue, MaxAttempts: 1}
}

// AddWorkers registers the announcer's job.
func (a *CertificateAnnouncer) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &redirectWorker{announcer: a})
}

// PeriodicJobs returns the jobs that the River client inserts by itself.
func (a *CertificateAnnouncer) PeriodicJobs() []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(redirectEvery),
		func() (river.JobArgs, *river.InsertOpts) { return redirectArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})}
}

type redirectWorker struct {
	river.WorkerDefaults[redirectArgs]
	announcer *CertificateAnnouncer
}

func (*redirectWorker) Timeout(*river.Job[redirectArgs]) time.Duration { return 30 * time.Second }

func (w *redirectWorker) Work(ctx context.Context, _ *river.Job[redirectArgs]) error {
	return w.announcer.redirect(ctx)
}

// redirect moves reminders, and messages of active renewals, whose channel or thread is gone, to
// the channel for what has no thread.
func (a *CertificateAnnouncer) redirect(ctx context.Context) error {
	renewals, err := a.records.Renewals(ctx)
	if err != nil {
		return err
	}
	prefixes := []string{certs.KeyPrefix}
	for _, run := range renewals {
		prefixes = append(prefixes, render.RootKey(run.ID))
	}
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		for _, prefix := range prefixes {
			if _, err := a.outbox.Redirect(ctx, tx, prefix, a.channel); err != nil {
				return err
			}
		}
		return nil
	})
}
