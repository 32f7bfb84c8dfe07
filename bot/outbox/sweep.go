package outbox

import (
	"context"
	"errors"
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

// Run delivers what dead processes left unsent, until ctx ends; then it returns nil. At its start and every ten minutes it also
// retries messages that Slack refused for a reason that a person may have removed since. Every replica runs it. It asks the
// database itself: a periodic job of River would have to wait for a new leader when the dead process was the leader.
func (o *Outbox) Run(ctx context.Context) error {
	sweeps, revivals := time.NewTicker(sweepEvery), time.NewTicker(reviveEvery)
	defer sweeps.Stop()
	defer revivals.Stop()
	o.report(ctx, errors.Join(o.sweep(ctx), o.revive(ctx)))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweeps.C:
			o.report(ctx, o.sweep(ctx))
		case <-revivals.C:
			o.report(ctx, o.revive(ctx))
		}
	}
}

// report logs an error of [Outbox.Run], which goes on.
func (o *Outbox) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		o.log.Warn("outbox sweep failed", "error", err)
	}
}

func (o *Outbox) sweep(ctx context.Context) error {
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT DISTINCT m.channel`+waitingRows+`
			WHERE `+due+` AND greatest(m.due_at, m.updated_at) < now() - $1::interval`, overdue)
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

// revive makes messages that were refused for a reason in mendable wait again, which the sweep delivers, and forgets expired holds.
func (o *Outbox) revive(ctx context.Context) error {
	if _, err := o.pool.Exec(ctx, `
		UPDATE slack_messages SET failed_hash = NULL, failed_at = NULL, failed_code = NULL
		WHERE failed_hash = hash AND failed_code = ANY($1)`, mendable); err != nil {
		return fmt.Errorf("revive refused messages: %w", err)
	}
	if _, err := o.pool.Exec(ctx, `DELETE FROM slack_holds WHERE until < now()`); err != nil {
		return fmt.Errorf("expire holds: %w", err)
	}
	return nil
}
