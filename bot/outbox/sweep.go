package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// overdueAfter is how long a message may be ready before the sweep makes a job for it: the job
	// that should have sent it was lost with its process.
	overdueAfter = 3 * time.Second
	sweepEvery   = 2 * time.Second
	// reviveEvery is how often messages are retried that Slack refused with a code in mendable.
	reviveEvery = 10 * time.Minute
)

// mendable are the errors that a person can end in Slack or in the configuration without another
// message being put: by an invitation, a scope, a token, an unarchived channel.
var mendable = []string{
	"not_in_channel",
	"channel_not_found",
	"is_archived",
	"is_inactive",
	"restricted_action",
	"missing_scope",
	"no_permission",
	"invalid_auth",
	"not_authed",
	"account_inactive",
	"token_revoked",
	"token_expired",
	"messages_tab_disabled",
}

// Run delivers what dead processes left unsent, until ctx ends; then it returns nil. At its start
// it compares what Slack shows with what the database knows. Then and every ten minutes it also
// retries messages that Slack refused for a reason that a person may have removed since. Every
// replica runs it. It asks the database itself: a periodic job of River would have to wait for a
// new leader when the dead process was the leader.
func (o *Outbox) Run(ctx context.Context) error {
	sweeps, revivals := time.NewTicker(sweepEvery), time.NewTicker(reviveEvery)
	defer sweeps.Stop()
	defer revivals.Stop()
	o.report(ctx, errors.Join(o.sweep(ctx), o.revive(ctx, o.made), o.Compare(ctx, "")))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-sweeps.C:
			o.report(ctx, o.sweep(ctx))
		case <-revivals.C:
			o.report(ctx, o.revive(ctx, time.Now()))
		}
	}
}

// report logs an error of [Outbox.Run], which goes on.
func (o *Outbox) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		o.log.Warn("outbox sweep failed", "error", err)
	}
}

// sweep makes jobs for channels with an overdue message.
func (o *Outbox) sweep(ctx context.Context) error {
	return pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if err := o.enqueueReturned(ctx, tx, selectOverdue, overdueAfter); err != nil {
			return fmt.Errorf("overdue channels: %w", err)
		}
		return nil
	})
}

// revive makes messages wait again that were refused before a time with a code in mendable, and
// deletes expired holds and views.
func (o *Outbox) revive(ctx context.Context, before time.Time) error {
	if _, err := o.pool.Exec(ctx, reviveRefused, mendable, before); err != nil {
		return fmt.Errorf("revive refused messages: %w", err)
	}
	if _, err := o.pool.Exec(ctx, expireHolds); err != nil {
		return fmt.Errorf("expire holds: %w", err)
	}
	if _, err := o.pool.Exec(ctx, expireViews, viewRetention); err != nil {
		return fmt.Errorf("expire views: %w", err)
	}
	return nil
}
