package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

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
	cleanEvery     = time.Hour
)

// AddWorkers registers the outbox's workers.
func (o *Outbox) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &deliverWorker{outbox: o})
	river.AddWorker(workers, &cleanWorker{outbox: o})
}

// PeriodicJobs are for the program's River client: the expiry of old rows.
func (o *Outbox) PeriodicJobs() []*river.PeriodicJob {
	return []*river.PeriodicJob{
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
	channel := job.Args.Channel
	for {
		again, err := w.outbox.deliver(ctx, channel)
		switch {
		case err != nil:
			return fmt.Errorf("deliver to %s: %w", channel, err)
		case again == 0:
			return nil
		case again > longestNap:
			return river.JobSnooze(again)
		case !w.outbox.naps.begin(channel, time.Now().Add(again)):
			return nil
		}
		slept := sleep(ctx, again)
		w.outbox.naps.end(channel)
		if !slept {
			return river.JobSnooze(0)
		}
	}
}

// longestNap is how long a job itself waits for the next update of a message. River fetches snoozed jobs about once a second,
// which people would see.
const longestNap = 3 * time.Second

// naps are the channels for which a job of this process is waiting, with when it wakes. One is enough for each; should the
// process die, the sweep takes up what was waited for.
type naps struct {
	mu    sync.Mutex
	until map[string]time.Time
}

// begin reports whether to wait: nobody else does who wakes by then.
func (n *naps) begin(channel string, until time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if other, waits := n.until[channel]; waits && !other.After(until) {
		return false
	}
	n.until[channel] = until
	return true
}

func (n *naps) end(channel string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.until, channel)
}

// cleanArgs is the job that forgets what is old.
type cleanArgs struct{}

func (cleanArgs) Kind() string { return "slack_clean" }

func (cleanArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: Queue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{ByState: unfinished}}
}

// unfinished are the states of jobs that still have to run: one cleaning at a time is enough.
var unfinished = []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
	rivertype.JobStateRetryable, rivertype.JobStateScheduled}

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
