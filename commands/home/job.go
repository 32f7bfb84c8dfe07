package home

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/bot/outbox"
)

// refreshArgs is the job that updates the tabs of those who look.
type refreshArgs struct{}

// Kind implements [river.JobArgs].
func (refreshArgs) Kind() string { return "commands_home" }

// InsertOpts allows few attempts: the next change inserts another job.
func (refreshArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outbox.Queue, MaxAttempts: 5}
}

// AddWorkers registers the job that updates the tabs.
func (t *Tabs) AddWorkers(workers *river.Workers) { river.AddWorker(workers, &worker{tabs: t}) }

type worker struct {
	river.WorkerDefaults[refreshArgs]
	tabs *Tabs
}

func (*worker) Timeout(*river.Job[refreshArgs]) time.Duration { return claimTimeout }

func (*worker) NextRetry(*river.Job[refreshArgs]) time.Time { return time.Now().Add(updateInterval) }

func (w *worker) Work(ctx context.Context, _ *river.Job[refreshArgs]) error {
	left, err := w.tabs.RefreshViewers(ctx)
	if err == nil && left {
		return river.JobSnooze(updateInterval)
	}
	return err
}
