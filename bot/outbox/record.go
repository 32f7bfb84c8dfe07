package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/bot/webapi"
)

// errNotFoundInTime means that a post of unknown outcome cannot be settled.
var errNotFoundInTime = errors.New("whether the message was posted cannot be told")

// sending commits that a first post is about to go out. The start of the oldest attempt stays: that is from when to look.
func (d *delivery) sending(ctx context.Context, m row) error {
	_, err := d.conn.Exec(ctx, `
		UPDATE slack_messages SET sending_hash = $2, sending_since = coalesce(sending_since, now()), channel_id = $3 WHERE key = $1`,
		m.Key, m.Hash, m.ChannelID)
	return err
}

// delivered records what Slack shows now. If something newer was put meanwhile, the row goes on waiting.
func (d *delivery) delivered(ctx context.Context, m row, hash []byte, ts string) error {
	ctx, cancel := recording(ctx)
	defer cancel()
	_, err := d.conn.Exec(ctx, `
		UPDATE slack_messages
		SET delivered_hash = $2, delivered_at = now(), ts = nullif($3, ''), channel_id = $4, due_at = now() + CASE WHEN last THEN '0' ELSE $5::interval END,
			sending_hash = NULL, sending_since = NULL, failed_hash = NULL, failed_at = NULL, failed_code = NULL, error = NULL,
			attempts = 0,
			file_content = NULL
		WHERE key = $1`, m.Key, hash, ts, m.ChannelID, d.outbox.cfg.UpdateEvery)
	return err
}

// record writes down a failed delivery and decides when to try again: when Slack says, after a growing pause, or, once Slack has
// refused, when something else is put under the key or [Outbox.Run] finds that a person may have mended the reason.
func (d *delivery) record(ctx context.Context, m row, kind string, failure error) error {
	if ctx.Err() != nil {
		// Stopped or out of time in the middle: the row says sending, and whoever comes next looks first.
		return ctx.Err()
	}
	result, wait := webapi.Classify(failure)
	if errors.Is(failure, errNotFoundInTime) {
		result = webapi.Refused
	}
	d.outbox.delivered.WithLabelValues(kind, result.String()).Inc()
	log := d.outbox.log.With("message", m.Key, "channel", m.Channel, "kind", kind, "error", webapi.Detailed(failure))
	ctx, cancel := recording(ctx)
	defer cancel()
	// An attempt that surely did nothing is over; one that may have arrived stays open, unless there was one before it.
	settled := m.SendingHash == nil && result != webapi.Unsure
	switch result {
	case webapi.Refused:
		log.Error("slack refuses a message")
		_, err := d.conn.Exec(ctx, `
			UPDATE slack_messages
			SET failed_hash = $2, failed_at = now(), failed_code = $5, error = $3,
				sending_hash = CASE WHEN $4 THEN NULL ELSE sending_hash END,
				sending_since = CASE WHEN $4 THEN NULL ELSE sending_since END
			WHERE key = $1`, m.Key, m.Hash, failure.Error(), settled, webapi.Code(failure))
		return err
	case webapi.Throttled:
		log.Info("slack throttles", "retry_in", wait)
		if err := d.hold(ctx, m.Hold, wait); err != nil {
			return err
		}
	default:
		wait = backoff(m.Attempts)
		log.Warn("slack delivery failed", "outcome", result, "retry_in", wait)
	}
	_, err := d.conn.Exec(ctx, `
		UPDATE slack_messages
		SET attempts = attempts + 1, error = $2, due_at = now() + $3::interval,
			sending_hash = CASE WHEN $4 THEN NULL ELSE sending_hash END,
			sending_since = CASE WHEN $4 THEN NULL ELSE sending_since END
		WHERE key = $1`, m.Key, failure.Error(), wait, settled)
	return err
}

// backoff is the pause after a number of failed attempts: 1 s, doubling to 1 minute.
func backoff(attempts int) time.Duration {
	return min(time.Second<<min(attempts, 10), time.Minute)
}

// hold keeps a scope from being tried for a time.
func (d *delivery) hold(ctx context.Context, scope string, wait time.Duration) error {
	ctx, cancel := recording(ctx)
	defer cancel()
	_, err := d.conn.Exec(ctx, `
		INSERT INTO slack_holds AS h (scope, until) VALUES ($1, now() + $2::interval)
		ON CONFLICT (scope) DO UPDATE SET until = greatest(h.until, excluded.until)`, scope, wait)
	if err != nil {
		return fmt.Errorf("hold %s: %w", scope, err)
	}
	return nil
}
