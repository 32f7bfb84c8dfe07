package bot

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// overdue is how long something may be due before the sweep takes it up: the job that should have done it was lost with its
	// process.
	overdue    = 3 * time.Second
	sweepEvery = 2 * time.Second
)

// Run takes up what dead processes left unsent, until ctx ends; then it returns nil. Every replica runs it. It asks the database
// directly rather than as a periodic job of River's, which would have to wait for a new leader when that was what died.
func (o *Outbox) Run(ctx context.Context) error {
	for {
		if err := o.sweep(ctx); err != nil && ctx.Err() == nil {
			o.workspace.log.Warn("outbox sweep failed", "error", err)
		}
		if !sleep(ctx, sweepEvery) {
			return nil
		}
	}
}

func (o *Outbox) sweep(ctx context.Context) error {
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, o.sql.sql(`
			SELECT DISTINCT m.channel`+waitingRows+`
			WHERE `+due+` AND greatest(m.due_at, m.updated_at) < now() - $1::interval`), overdue)
		if err != nil {
			return fmt.Errorf("overdue channels: %w", err)
		}
		overdue, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("overdue channels: %w", err)
		}
		channels := map[string]bool{}
		for _, channel := range overdue {
			channels[channel] = true
		}
		return o.enqueue(ctx, tx, channels)
	})
}
