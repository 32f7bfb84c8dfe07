package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Queue is the River queue of all jobs of this package. The program's River client must work it, with some ten workers, so that
// long runs elsewhere never keep a message from leaving.
const Queue = "slack"

const (
	// deliverTimeout bounds one delivery job; deliverBudget is when it stops taking further messages, and comes back.
	deliverTimeout = 2 * time.Minute
	deliverBudget  = 30 * time.Second
	// overdue is how old waiting work is when the sweep takes it up, because the job that should have was lost with its process.
	overdue    = 5 * time.Second
	sweepEvery = 5 * time.Second
	cleanEvery = time.Hour
	// locked is when to look again at a channel that another job is delivering to.
	locked = time.Second
)

// AddWorkers registers the outbox's workers.
func (o *Outbox) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &deliverWorker{outbox: o})
	river.AddWorker(workers, &sweepWorker{outbox: o})
	river.AddWorker(workers, &cleanWorker{outbox: o})
}

// PeriodicJobs are for the program's River client: the sweep that takes up what a dead process left, and the expiry of old rows.
func (o *Outbox) PeriodicJobs() []*river.PeriodicJob {
	return []*river.PeriodicJob{
		river.NewPeriodicJob(river.PeriodicInterval(sweepEvery),
			func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil }, &river.PeriodicJobOpts{RunOnStart: true}),
		river.NewPeriodicJob(river.PeriodicInterval(cleanEvery),
			func() (river.JobArgs, *river.InsertOpts) { return cleanArgs{}, nil }, &river.PeriodicJobOpts{RunOnStart: true}),
	}
}

// deliverArgs is the job that brings one channel up to date.
type deliverArgs struct {
	Channel string `json:"channel"`
}

func (deliverArgs) Kind() string { return "slack_deliver" }

// InsertOpts bounds attempts low: the sweep starts over with whatever is still waiting.
func (deliverArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: 3}
}

type deliverWorker struct {
	river.WorkerDefaults[deliverArgs]
	outbox *Outbox
}

func (*deliverWorker) Timeout(*river.Job[deliverArgs]) time.Duration { return deliverTimeout }

func (*deliverWorker) NextRetry(job *river.Job[deliverArgs]) time.Time {
	return time.Now().Add(time.Duration(job.Attempt) * time.Second)
}

func (w *deliverWorker) Work(ctx context.Context, job *river.Job[deliverArgs]) error {
	again, err := w.outbox.deliver(ctx, job.Args.Channel)
	if err != nil {
		return fmt.Errorf("deliver to %s: %w", job.Args.Channel, err)
	}
	if again > 0 {
		return river.JobSnooze(again)
	}
	return nil
}

// sweepArgs is the job that finds channels with overdue work.
type sweepArgs struct{}

func (sweepArgs) Kind() string { return "slack_sweep" }

func (sweepArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByState: unfinished}}
}

// unfinished are the states of jobs that still have to run: one sweep at a time is enough.
var unfinished = []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
	rivertype.JobStateRetryable, rivertype.JobStateScheduled}

type sweepWorker struct {
	river.WorkerDefaults[sweepArgs]
	outbox *Outbox
}

func (*sweepWorker) Timeout(*river.Job[sweepArgs]) time.Duration { return 30 * time.Second }

func (w *sweepWorker) Work(ctx context.Context, _ *river.Job[sweepArgs]) error {
	o := w.outbox
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		// Row by row what deliver would take, but for the order within a thread.
		rows, err := tx.Query(ctx, o.sql.sql(`
			SELECT DISTINCT m.channel
			FROM slack_messages m LEFT JOIN slack_messages p ON p.key = m.thread LEFT JOIN slack_holds h ON h.scope = `+holdScope+`
			WHERE m.waiting AND m.due_at < now() - $1::interval AND m.updated_at < now() - $1::interval
			  AND (m.thread IS NULL OR p.ts IS NOT NULL) AND (h.until IS NULL OR h.until < now())`), overdue)
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		overdue, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
		channels := map[string]bool{}
		for _, channel := range overdue {
			channels[channel] = true
		}
		return o.enqueue(ctx, tx, channels)
	})
}

// cleanArgs is the job that forgets what is old.
type cleanArgs struct{}

func (cleanArgs) Kind() string { return "slack_clean" }

func (cleanArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByState: unfinished}}
}

type cleanWorker struct {
	river.WorkerDefaults[cleanArgs]
	outbox *Outbox
}

func (*cleanWorker) Timeout(*river.Job[cleanArgs]) time.Duration { return time.Minute }

func (w *cleanWorker) Work(ctx context.Context, _ *river.Job[cleanArgs]) error {
	o := w.outbox
	if _, err := o.pool.Exec(ctx, o.sql.sql(`DELETE FROM slack_envelopes WHERE begun_at < now() - $1::interval`),
		o.workspace.cfg.EnvelopeRetention); err != nil {
		return fmt.Errorf("expire envelopes: %w", err)
	}
	if _, err := o.pool.Exec(ctx, o.sql.sql(`DELETE FROM slack_holds WHERE until < now()`)); err != nil {
		return fmt.Errorf("expire holds: %w", err)
	}
	return nil
}
