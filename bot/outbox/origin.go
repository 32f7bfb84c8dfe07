package outbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Origin is where a message comes from in which somebody pressed a button.
type Origin int

const (
	// Foreign is a message that the outbox did not post.
	Foreign Origin = iota
	// Changed is a message that shows something else than the outbox delivered. Whoever holds the
	// bot's token can change a message, and post a foreign one.
	Changed
	// Delivered is a message that shows what the outbox delivered last.
	Delivered
	// Outdated is a message that shows what the outbox delivered some updates ago.
	Outdated
	// Unverified is a message of the outbox's of which it is not known what Slack shows: an earlier
	// release delivered it.
	Unverified
)

// The answer to a delivery may be on its way while somebody presses already, so an origin is looked
// up again a few times before a message counts as foreign.
const (
	originLooks = 5
	originPause = 200 * time.Millisecond
)

// Versions are the fingerprints of what Slack showed after the last deliveries of something.
type Versions struct {
	// Known is false for what was never delivered.
	Known bool
	// Last is nil if it is not known what Slack shows.
	Last    []byte
	Earlier [][]byte
}

// Origin returns where the message at a timestamp in a channel comes from, and its key if the
// outbox posted it. shown is the [blockkit.Fingerprint] of what Slack says that it shows. It
// takes at most about a second.
func (o *Outbox) Origin(ctx context.Context, channel, ts string, shown []byte) (key string, from Origin, err error) {
	from, err = Verify(ctx, shown, func(ctx context.Context) (Versions, error) {
		var versions Versions
		err := o.pool.QueryRow(ctx, selectShown, channel, ts).Scan(&key, &versions.Last, &versions.Earlier)
		if errors.Is(err, pgx.ErrNoRows) {
			return Versions{}, nil
		}
		if err != nil {
			return Versions{}, fmt.Errorf("origin of message %s: %w", ts, err)
		}
		versions.Known = true
		return versions, nil
	})
	return key, from, err
}

// Verify compares what Slack says that something shows with what was delivered. It reads the
// versions again for about a second before it returns anything but [Delivered] or [Outdated].
func Verify(
	ctx context.Context, shown []byte, read func(context.Context) (Versions, error),
) (from Origin, err error) {
	for look := range originLooks {
		if look > 0 {
			select {
			case <-time.After(originPause):
			case <-ctx.Done():
				return Foreign, ctx.Err()
			}
		}
		versions, err := read(ctx)
		if err != nil {
			return Foreign, err
		}
		if from = versions.origin(shown); from == Delivered || from == Outdated {
			return from, nil
		}
	}
	return from, nil
}

func (v Versions) origin(shown []byte) Origin {
	switch {
	case !v.Known:
		return Foreign
	case v.Last == nil:
		return Unverified
	case shown == nil:
		return Changed
	case bytes.Equal(shown, v.Last):
		return Delivered
	case slices.ContainsFunc(v.Earlier, func(earlier []byte) bool { return bytes.Equal(shown, earlier) }):
		return Outdated
	}
	return Changed
}

// Restore delivers messages again as they should be, in the caller's transaction: somebody may have
// changed what Slack shows. Messages that were not posted yet stay as they are.
func (o *Outbox) Restore(ctx context.Context, tx pgx.Tx, keys ...string) error {
	rows, err := tx.Query(ctx, restoreMessages, keys)
	if err != nil {
		return fmt.Errorf("restore messages: %w", err)
	}
	restored, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("restore messages: %w", err)
	}
	channels := map[string]bool{}
	for _, channel := range restored {
		channels[channel] = true
	}
	return o.enqueue(ctx, tx, channels)
}
