// Package ticker does something once for each time of a schedule, however many replicas run it.
package ticker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/schedule"
)

const (
	// lookEvery is the longest time between two looks at the clock, which somebody may set
	// meanwhile.
	lookEvery = time.Minute
	// retryAfter is the time until the next try when the database does not answer.
	retryAfter = 5 * time.Second
)

// Ticker does something once for each tick of a schedule. All replicas run it, and one of them
// handles each tick. Of the ticks that came while no replica ran, it handles the newest.
type Ticker struct {
	Pool *pgxpool.Pool
	Log  *slog.Logger
	// Table holds the newest tick that was handled. Who owns the ticker has it in its migrations:
	//
	//	CREATE TABLE … (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), tick timestamptz NOT NULL)
	Table string
	// Ticks are when something is due, nil for never.
	Ticks *schedule.Ticks
	// Memory is how late a tick may still be handled, also one that came before the first start. 0
	// means that a tick is never too late, and that there was none before the first start.
	Memory time.Duration
	// Do is called in the transaction that records the tick. When it fails, the tick comes again.
	Do func(ctx context.Context, tx pgx.Tx, tick time.Time) error
}

// Run handles ticks until ctx ends, and then returns nil.
func (t *Ticker) Run(ctx context.Context) error {
	if t.Ticks == nil {
		<-ctx.Done()
		return nil
	}
	for {
		pause := min(time.Until(t.Ticks.Next(time.Now())), lookEvery)
		if err := t.Tick(ctx, time.Now()); err != nil && ctx.Err() == nil {
			t.Log.WarnContext(ctx, "a scheduled tick could not be handled", "schedule", t.Table, "error", err)
			pause = retryAfter
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// Tick handles the newest tick until now, unless a replica did so before.
func (t *Ticker) Tick(ctx context.Context, now time.Time) error {
	table := pgx.Identifier{t.Table}.Sanitize()
	earliest := now.Add(-t.Memory)
	err := pgx.BeginFunc(ctx, t.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO `+table+` (tick) VALUES ($1) ON CONFLICT DO NOTHING`,
			earliest); err != nil {
			return err
		}
		var handled time.Time
		if err := tx.QueryRow(ctx, `SELECT tick FROM `+table+` FOR UPDATE`).Scan(&handled); err != nil {
			return err
		}
		if t.Memory > 0 && handled.Before(earliest) {
			handled = earliest
		}
		newest := t.Ticks.Newest(handled, now)
		if newest.IsZero() {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE `+table+` SET tick = $1`, newest); err != nil {
			return err
		}
		return t.Do(ctx, tx, newest)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", t.Table, err)
	}
	return nil
}
