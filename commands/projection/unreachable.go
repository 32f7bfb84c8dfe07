package projection

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
)

// unreachableEvery is how often runs are looked for whose thread Slack refuses.
const unreachableEvery = time.Minute

// toldAfterEnd is for how long after its end somebody is told of a run.
const toldAfterEnd = 24 * time.Hour

// unreachableArgs is the job that tells people of such runs.
type unreachableArgs struct{}

func (unreachableArgs) Kind() string { return "commands_unreachable" }

// InsertOpts allows one attempt: the next job does the same.
func (unreachableArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: outbox.Queue, MaxAttempts: 1}
}

// PeriodicJobs returns the jobs that the River client inserts by itself.
func (p *Projector) PeriodicJobs() []*river.PeriodicJob {
	return []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(unreachableEvery),
		func() (river.JobArgs, *river.InsertOpts) { return unreachableArgs{}, nil },
		&river.PeriodicJobOpts{RunOnStart: true})}
}

type unreachableWorker struct {
	river.WorkerDefaults[unreachableArgs]
	projector *Projector
}

func (*unreachableWorker) Timeout(*river.Job[unreachableArgs]) time.Duration { return projectTimeout }

func (w *unreachableWorker) Work(ctx context.Context, _ *river.Job[unreachableArgs]) error {
	return w.projector.TellUnreachable(ctx, time.Now())
}

// TellUnreachable tells the requesters of runs that are active or ended lately, by direct message,
// that Slack refuses the messages of their threads: once a day for each run.
func (p *Projector) TellUnreachable(ctx context.Context, now time.Time) error {
	refused, err := p.Outbox.Unreachable(ctx)
	if err != nil {
		return err
	}
	codes := map[uuid.UUID]string{}
	var ids []uuid.UUID
	for root, code := range refused {
		if id, ok := render.RunOfRoot(root); ok {
			codes[id], ids = code, append(ids, id)
		}
	}
	runs, err := p.Records.Runs(ctx, ids)
	if err != nil {
		return fmt.Errorf("runs whose threads Slack refuses: %w", err)
	}
	var messages []post.Message
	for id, run := range runs {
		if run.State != onboarding.RunActive && now.Sub(run.Ended) > toldAfterEnd {
			continue
		}
		page := p.Renderer.Unreachable(run, codes[id])
		messages = append(messages, post.Message{Channel: run.Requester.ID, Text: page.Text(), Blocks: page.Blocks,
			Key: "unreachable/" + id.String() + "/" + now.UTC().Format(time.DateOnly)})
	}
	if len(messages) == 0 {
		return nil
	}
	return pgx.BeginFunc(ctx, p.Pool, func(tx pgx.Tx) error { return p.Outbox.PutStorable(ctx, tx, messages...) })
}
