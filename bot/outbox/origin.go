package outbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// Origin is where a message comes from in which somebody pressed a button.
type Origin int

const (
	// Foreign is a message that the outbox did not post.
	Foreign Origin = iota
	// Changed is a message that does not show what the outbox delivered. Whoever holds the
	// bot's token can change a message, and post a foreign one.
	Changed
	// Delivered is a message that shows what the outbox delivered last.
	Delivered
	// Outdated is a message that shows what the outbox delivered some updates ago.
	Outdated
	// Unverified is a message that the outbox posted, but what Slack shows of it is not known, since an
	// earlier release delivered it.
	Unverified
)

// The answer to a delivery may be on its way while somebody presses already, so an origin is looked
// up again for a moment before a message counts as foreign, and for longer while a delivery is
// pending: its process may have died before it recorded the answer. The pauses grow, because the
// answer usually comes within milliseconds.
const (
	originFirstPause   = 5 * time.Millisecond
	originLongestPause = 200 * time.Millisecond
	originWait         = time.Second
	originPending      = 10 * time.Second
)

// Versions are the fingerprints of what Slack showed after the last deliveries of something.
type Versions struct {
	// Known is false for what was never delivered.
	Known bool
	// Last is nil if it is not known what Slack shows.
	Last    []byte
	Earlier [][]byte
	// Sending are those of deliveries whose outcome is not recorded.
	Sending [][]byte
	// Announced is that of a view that Slack may show since a call whose outcome is not recorded, nil if there
	// is none. Nothing will replace it.
	Announced []byte
	// Pending is true if a delivery is under way that may change the answer.
	Pending bool
}

// Origin returns where the message at a timestamp in a channel comes from, and its key if the
// outbox posted it. shown is the [blockkit.Fingerprint] of what Slack says that it shows. It
// takes at most about a second, or ten while a delivery is pending.
func (o *Outbox) Origin(ctx context.Context, channel, ts string, shown []byte) (key string, from Origin, err error) {
	from, err = Verify(ctx, shown, func(ctx context.Context) (Versions, error) {
		var versions Versions
		err := o.pool.QueryRow(ctx, selectShown, channel, ts).
			Scan(&key, &versions.Last, &versions.Earlier, &versions.Sending, &versions.Pending)
		if errors.Is(err, pgx.ErrNoRows) {
			err = o.pool.QueryRow(ctx, selectPosting, channel).Scan(&versions.Pending, &versions.Sending)
			return versions, err
		}
		if err != nil {
			return Versions{}, fmt.Errorf("origin of message %s: %w", ts, err)
		}
		versions.Known = true
		return versions, nil
	})
	return key, from, err
}

// Copied reports whether a message that the outbox does not know shows what the outbox delivered to the
// same conversation: a post that Slack took twice. root is the key of the thread of the message that is
// recorded.
func (o *Outbox) Copied(ctx context.Context, channel string, shown []byte) (root string, copied bool, err error) {
	if shown == nil {
		return "", false, nil
	}
	err = o.pool.QueryRow(ctx, selectCopied, channel, shown).Scan(&root)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("copy of a message: %w", err)
	}
	return root, true, nil
}

// Verify compares what Slack says that something shows with what was delivered. Before it returns
// anything but [Delivered] or [Outdated], it reads the versions again for about a second, and for
// ten while a delivery is pending. What may be shown by a delivery whose outcome is still not recorded
// then is [Outdated].
func Verify(
	ctx context.Context, shown []byte, read func(context.Context) (Versions, error),
) (from Origin, err error) {
	began, pause := time.Now(), originFirstPause
	for {
		versions, err := read(ctx)
		if err != nil {
			return Foreign, err
		}
		wait := originWait
		if versions.Pending {
			wait = originPending
		}
		from = versions.origin(shown)
		if from == Delivered || from == Outdated {
			return from, nil
		}
		if time.Since(began) >= wait {
			if from != Unverified && contains(versions.Sending, shown) {
				return Outdated, nil
			}
			return from, nil
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, originLongestPause)
		case <-ctx.Done():
			return Foreign, ctx.Err()
		}
	}
}

func (v Versions) origin(shown []byte) Origin {
	switch {
	case !v.Known:
		return Foreign
	case v.Announced != nil && bytes.Equal(shown, v.Announced):
		return Delivered
	case v.Last == nil:
		return Unverified
	case shown == nil:
		return Changed
	case !blockkit.SameVersion(shown, v.Last):
		return Unverified
	case bytes.Equal(shown, v.Last):
		return Delivered
	case contains(v.Earlier, shown):
		return Outdated
	}
	return Changed
}

func contains(fingerprints [][]byte, shown []byte) bool {
	return slices.ContainsFunc(fingerprints, func(each []byte) bool { return bytes.Equal(shown, each) })
}

// Content returns what a message should show now, as Slack returns a message: an object with blocks.
func (o *Outbox) Content(ctx context.Context, key string) (message json.RawMessage, err error) {
	var blocks json.RawMessage
	if err := o.pool.QueryRow(ctx, selectBlocks, key).Scan(&blocks); err != nil {
		return nil, fmt.Errorf("content of message %q: %w", key, err)
	}
	return json.Marshal(map[string]any{"blocks": blocks})
}

// Restore delivers messages again as they should be, in the caller's transaction: somebody may have
// changed what Slack shows. Messages that were not posted yet stay as they are.
func (o *Outbox) Restore(ctx context.Context, tx pgx.Tx, keys ...string) error {
	if err := o.enqueueReturned(ctx, tx, restoreMessages, keys); err != nil {
		return fmt.Errorf("restore messages: %w", err)
	}
	return nil
}
