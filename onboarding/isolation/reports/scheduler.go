package reports

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/ticker"
)

// Scheduler enqueues the scheduled reports.
type Scheduler struct {
	ticker ticker.Ticker
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
	return &Scheduler{ticker.Ticker{
		Pool:  store.pool,
		Log:   store.log,
		Table: "isolation_schedule",
		Ticks: ticks,
		Do: func(ctx context.Context, tx pgx.Tx, tick time.Time) error {
			deep, err := store.deepIsDue(ctx, tx, tick)
			if err != nil {
				return err
			}
			return store.enqueue(ctx, tx, Request{ID: uuid.New(), Channel: settings.Channel, Tick: tick, Deep: deep})
		},
	}}, nil
}

// Run enqueues a report for every tick of the schedule until the context ends; then it returns
// nil. Every replica runs it, and one of them enqueues each report.
func (s *Scheduler) Run(ctx context.Context) error { return s.ticker.Run(ctx) }
