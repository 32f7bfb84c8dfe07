package outbox

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/riverqueue/river"
)

// Queue is the River queue of deliveries. The program's River client must work it, with some ten
// workers, so long runs in other queues never keep a message from leaving.
const Queue = "slack"

const (
	// deliverTimeout bounds one job. After deliverBudget it takes no further message and comes
	// back.
	deliverTimeout = 2 * time.Minute
	deliverBudget  = 30 * time.Second
	// longestWait is how long a job itself waits for the next update of a message. River fetches
	// snoozed jobs about once a second, which people would notice.
	longestWait = 3 * time.Second
)

// AddWorkers registers the workers that deliver and compare.
func (o *Outbox) AddWorkers(workers *river.Workers) {
	river.AddWorker(workers, &compareWorker{outbox: o})
	river.AddWorker(workers, &deliverWorker{outbox: o})
}

// deliverArgs is the job that brings one channel up to date.
type deliverArgs struct {
	Channel string `json:"channel"`
}

func (deliverArgs) Kind() string { return "slack_deliver" }

// InsertOpts allows few attempts: the sweep starts over with whatever is still waiting.
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
		pause, err := w.outbox.deliver(ctx, channel)
		switch {
		case err != nil:
			return fmt.Errorf("deliver to %s: %w", channel, err)
		case pause == 0:
			return nil
		case pause > longestWait:
			return river.JobSnooze(pause)
		case !w.outbox.backoffs.begin(channel, time.Now().Add(pause)):
			return nil
		}
		select {
		case <-time.After(pause):
			w.outbox.backoffs.end(channel)
		case <-ctx.Done():
			w.outbox.backoffs.end(channel)
			return river.JobSnooze(0)
		}
	}
}

// backoffs are the channels for which a job of this process waits, with the time at which it goes
// on. One job for each channel is enough; when the process dies, the sweep finds what the job
// waited for.
type backoffs struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func newBackoffs() *backoffs { return &backoffs{until: map[string]time.Time{}} }

// begin reports whether to wait: no other job that goes on by then waits for the channel.
func (b *backoffs) begin(channel string, until time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if other, waits := b.until[channel]; waits && !other.After(until) {
		return false
	}
	b.until[channel] = until
	return true
}

func (b *backoffs) end(channel string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.until, channel)
}
