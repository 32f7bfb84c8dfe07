package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/atlilith/onboardbot/bot/webapi"
)

// attempt is the kind of a delivery, as metrics and the log show it.
type attempt string

const (
	postAttempt   attempt = "post"
	updateAttempt attempt = "update"
	fileAttempt   attempt = "file"
	twinAttempt   attempt = "twin"   // a copy is deleted
	orphanAttempt attempt = "orphan" // a message is marked that the database does not know
)

// resultFound is, in metrics, an earlier attempt that turns out to have succeeded. Other results
// are outcomes of package webapi.
const resultFound = "found"

func (d *delivery) count(kind attempt, result string) { d.outbox.count(kind, result) }

func (o *Outbox) count(kind attempt, result string) {
	o.deliveries.WithLabelValues(string(kind), result).Inc()
}

// shows is what Slack shows of a message after a delivery.
type shows struct {
	// hash is that of the content, empty if the content has to be delivered again.
	hash []byte
	ts   string
	// fingerprint identifies what Slack says that it shows, nil if it has no blocks.
	fingerprint []byte
}

// delivered records the content that Slack shows now. When newer content was put meanwhile, the
// row goes on waiting.
func (d *delivery) delivered(ctx context.Context, m row, now shows) error {
	ctx, cancel := recording(ctx)
	defer cancel()
	if now.hash == nil {
		now.hash = []byte{}
	}
	return d.exec(ctx, recordDelivery, m.Key, now.hash, now.ts, m.ChannelID,
		d.outbox.workspace.Config().UpdateEvery, now.fingerprint)
}

// failed records a delivery that failed and decides when to try again: when Slack says, or after a
// growing pause. What Slack refused is tried again when other content is put under the key, or
// when [Outbox.Run] finds that a person may have removed the reason.
func (d *delivery) failed(ctx context.Context, m row, kind attempt, failure error) error {
	if ctx.Err() != nil {
		// Stopped in the middle: the row says that it is being sent, and the next delivery asks
		// Slack first.
		return ctx.Err()
	}
	outcome, pause := webapi.Classify(failure)
	if errors.Is(failure, errSearchTooLong) {
		outcome = webapi.Refused
	}
	d.count(kind, outcome.String())
	log := d.outbox.log.With("message", m.Key, "channel", m.Channel, "kind", kind, "error", webapi.Detailed(failure))
	ctx, cancel := recording(ctx)
	defer cancel()
	// An attempt that surely did nothing is over. One that may have arrived stays under way, and
	// so does one before it.
	over := m.SendingHash == nil && !m.MayShow && outcome != webapi.Unsure
	switch outcome {
	case webapi.Refused:
		log.Error("slack refuses a message")
		return d.exec(ctx, recordRefusal, m.Key, m.Hash, storable(webapi.Code(failure)), storableError(failure),
			over)
	case webapi.Throttled:
		log.Info("slack throttles", "retry_in", pause)
		if err := d.hold(ctx, m.Hold, pause); err != nil {
			return err
		}
	default:
		pause = backoff(m.Attempts)
		log.Warn("slack delivery failed", "outcome", outcome, "retry_in", pause)
	}
	return d.exec(ctx, recordFailure, m.Key, storableError(failure), pause, over,
		kind == postAttempt && outcome == webapi.Unsure && webapi.TimedOut(failure))
}

// backoff is the pause after a number of failed attempts: 1 s, doubling to 1 minute.
func backoff(attempts int) time.Duration {
	return min(time.Second<<min(attempts, 10), time.Minute)
}

// hold keeps calls of a scope from being made for a time.
func (d *delivery) hold(ctx context.Context, scope string, pause time.Duration) error {
	ctx, cancel := recording(ctx)
	defer cancel()
	if err := d.exec(ctx, holdScope, scope, pause); err != nil {
		return fmt.Errorf("hold %s: %w", scope, err)
	}
	return nil
}
