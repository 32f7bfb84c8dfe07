package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot/post"
)

const (
	// lateAfter is how long a message waits before it says that it is late. Slack takes one post per
	// second in a channel, so a burst of messages alone may take this long.
	lateAfter = time.Minute
	// heldLateAfter is the same for a message that was held back: an attempt failed, or Slack asked to
	// send it later.
	heldLateAfter = 10 * time.Second
)

// Backlog returns which messages, of those whose key begins with the prefix, wait for Slack: it asked
// to send them later, an attempt failed, or they have waited unusually long.
func (o *Outbox) Backlog(ctx context.Context, prefix string) (backlog post.Backlog, err error) {
	var age, next float64
	err = o.pool.QueryRow(ctx, selectBacklog, prefix, lateAfter).Scan(&backlog.Messages, &age, &next)
	if errors.Is(err, pgx.ErrNoRows) {
		return post.Backlog{}, nil
	}
	if err != nil {
		return post.Backlog{}, fmt.Errorf("backlog of %q: %w", prefix, err)
	}
	backlog.Age = time.Duration(age * float64(time.Second))
	backlog.Next = max(0, time.Duration(next*float64(time.Second)))
	return backlog, nil
}
