package reports

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/schedule"
)

const (
	// maxPause is the longest time between two looks at the clock, which an administrator may
	// set meanwhile.
	maxPause = time.Minute
	// retryPause is how soon the scheduler tries again after a database error.
	retryPause = 5 * time.Second
)

// Scheduler enqueues the scheduled reports.
type Scheduler struct {
	store   *Store
	channel string
	ticks   *schedule.Ticks // nil for never
}

// NewScheduler returns a scheduler, or the problem of its settings.
func NewScheduler(store *Store, settings Settings) (*Scheduler, error) {
	if err := settings.ValidateSchedule(); err != nil {
		return nil, fmt.Errorf("isolation.%w", err)
	}
	ticks, err := settings.Schedule.Ticks()
	if err != nil {
		return nil, fmt.Errorf("isolation.schedule.%w", err)
	}
	return &Scheduler{store: store, channel: settings.Channel, ticks: ticks}, nil
}

// Run enqueues a report for every tick of the schedule until the context ends; then it returns
// nil. Every replica runs it, and one of them enqueues each report.
func (s *Scheduler) Run(ctx context.Context) error {
	if s.ticks == nil {
		<-ctx.Done()
		return nil
	}
	for {
		pause := min(time.Until(s.ticks.Next(time.Now())), maxPause)
		if err := s.tick(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.store.log.WarnContext(ctx, "could not enqueue the scheduled isolation report", "error", err, "retry_in", retryPause)
			pause = retryPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// tick enqueues the report of the newest tick until now, unless another replica did.
func (s *Scheduler) tick(ctx context.Context, now time.Time) error {
	newest := func(after time.Time) time.Time { return s.ticks.Newest(after, now) }
	if err := s.store.enqueueDue(ctx, now, newest, s.channel); err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	return nil
}

// request is the request for a scheduled report.
func request(channel string, tick time.Time) Request {
	return Request{ID: uuid.New(), Channel: channel, Tick: tick}
}
