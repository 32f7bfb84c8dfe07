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
	// reviveEvery is how often what Slack refused for a mendable reason is tried again.
	reviveEvery = 10 * time.Minute
)

// mendable are the errors that a person ends in Slack or in the configuration, without the message being another: by an invitation,
// a scope, a token, an unarchived channel.
var mendable = []string{"not_in_channel", "channel_not_found", "is_archived", "is_inactive", "restricted_action", "missing_scope",
	"no_permission", "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "messages_tab_disabled"}

// Run takes up what dead processes left unsent, until ctx ends; then it returns nil. At its start, and every ten minutes, it also
// gives messages another chance that Slack refused for a reason which a person may have mended since. Every replica runs it. It
// asks the database directly rather than as a periodic job of River's, which would have to wait for a new leader when that was what
// died.
func (o *Outbox) Run(ctx context.Context) error {
	var revived time.Time
	for {
		err := o.sweep(ctx)
		if err == nil && time.Since(revived) > reviveEvery {
			err = o.revive(ctx)
			revived = time.Now()
		}
		if err != nil && ctx.Err() == nil {
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

// revive makes what was refused for a mendable reason wait again; the sweep does the rest.
func (o *Outbox) revive(ctx context.Context) error {
	_, err := o.pool.Exec(ctx, o.sql.sql(`
		UPDATE slack_messages SET failed_hash = NULL, failed_at = NULL, failed_code = NULL
		WHERE failed_hash = hash AND failed_code = ANY($1)`), mendable)
	if err != nil {
		return fmt.Errorf("revive refused messages: %w", err)
	}
	return nil
}
