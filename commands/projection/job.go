package projection

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding"
)

// projectArgs is the job that projects a run.
type projectArgs struct {
	RunID uuid.UUID `json:"run_id"`
}

// Kind implements [river.JobArgs]. Jobs of earlier releases have this name.
func (projectArgs) Kind() string { return "commands_render" }

// InsertOpts allows many attempts: projecting again is always safe, and a thread that is not
// updated misleads people. The queue is the outbox's, since an application that takes minutes
// must not delay the thread.
func (projectArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outbox.Queue, MaxAttempts: 50}
}

// projectTimeout bounds one projection: some reads, and a row for each message.
const projectTimeout = 30 * time.Second

// AddWorkers registers the jobs that project runs and requests to accept risks, and that tell of
// threads which Slack refuses.
func (p *Projector) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &unreachableWorker{projector: p})
	river.AddWorker(workers, &worker{projector: p})
	river.AddWorker(workers, &riskWorker{projector: p})
}

type worker struct {
	river.WorkerDefaults[projectArgs]
	projector *Projector
}

func (*worker) Timeout(*river.Job[projectArgs]) time.Duration { return projectTimeout }

func (*worker) NextRetry(job *river.Job[projectArgs]) time.Time {
	return nextRetry(job.Attempt)
}

// nextRetry is when a projection that failed is tried again.
func nextRetry(attempt int) time.Time {
	return time.Now().Add(min(time.Duration(attempt)*time.Second, 30*time.Second))
}

func (w *worker) Work(ctx context.Context, job *river.Job[projectArgs]) error {
	err := w.projector.Project(ctx, job.Args.RunID)
	if errors.Is(err, onboarding.ErrNotFound) {
		return river.JobCancel(err)
	}
	return err
}
