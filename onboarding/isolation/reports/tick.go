package reports

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const (
	// lookEvery is the longest time between two looks at the clock, which may be set meanwhile.
	lookEvery = time.Minute
	// lookAgain is how soon the database is asked once more when it did not answer.
	lookAgain = 5 * time.Second
)

// Run lists a report for every tick of the schedule until the context ends; then it returns nil. Every replica runs it, and one
// of them lists each report. Of the ticks that came while none ran, the newest is made up for.
func (w *Watch) Run(ctx context.Context) error {
	if w.ticks == nil {
		<-ctx.Done()
		return nil
	}
	for {
		pause := min(time.Until(w.ticks.Next(time.Now())), lookEvery)
		if err := w.tick(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.book.log.WarnContext(ctx, "the schedule of isolation reports could not be kept", "error", err)
			pause = lookAgain
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

// tick lists the report of the newest tick until now, unless some replica did. The first start of all has missed nothing.
func (w *Watch) tick(ctx context.Context, now time.Time) error {
	err := pgx.BeginFunc(ctx, w.book.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO isolation_schedule (tick) VALUES ($1) ON CONFLICT DO NOTHING`, now); err != nil {
			return err
		}
		var claimed time.Time
		if err := tx.QueryRow(ctx, `SELECT tick FROM isolation_schedule FOR UPDATE`).Scan(&claimed); err != nil {
			return err
		}
		newest := w.ticks.Newest(claimed, now)
		if newest.IsZero() {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE isolation_schedule SET tick = $1`, newest); err != nil {
			return err
		}
		return w.book.ask(ctx, tx, Request{ID: uuid.New(), Channel: w.settings.Channel, Tick: newest})
	})
	if err != nil {
		return fmt.Errorf("tick: %w", err)
	}
	return nil
}

// late reports whether a newer tick came before the report of this one began, which then speaks for both.
func (w *Watch) late(ctx context.Context, request Request) (late bool, err error) {
	if request.Tick.IsZero() {
		return false, nil
	}
	err = w.book.pool.QueryRow(ctx, `SELECT tick > $1 FROM isolation_schedule`, request.Tick).Scan(&late)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return late, err
}
