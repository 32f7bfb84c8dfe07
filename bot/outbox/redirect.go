package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// gone are Slack's errors of a channel or a thread to which nothing can be posted any more.
var gone = []string{
	"is_archived",
	"is_inactive",
	"channel_not_found",
	"not_in_channel",
	"thread_not_found",
	"message_not_found",
	"cannot_reply_to_message",
	"restricted_action",
	"restricted_action_thread_locked",
	"restricted_action_read_only_channel",
}

// Unreachable returns Slack's code by the key of the root of each thread, in a channel, of which Slack
// refused a message because the channel or the thread is gone.
func (o *Outbox) Unreachable(ctx context.Context) (map[string]string, error) {
	refused, err := textByKey(ctx, o.pool, selectUnreachable, gone)
	if err != nil {
		return nil, fmt.Errorf("threads that slack refuses: %w", err)
	}
	return refused, nil
}

// Redirect moves messages that were never posted because their channel or their thread is gone to
// the top level of another channel, and returns how many. Only those whose key begins with the
// prefix are moved. They keep their key, so each is still posted once, even when the channel comes
// back.
func (o *Outbox) Redirect(ctx context.Context, tx pgx.Tx, prefix, channel string) (int, error) {
	tag, err := tx.Exec(ctx, redirectMessages, prefix, channel, gone)
	if err != nil {
		return 0, fmt.Errorf("redirect messages %q: %w", prefix, err)
	}
	moved := int(tag.RowsAffected())
	if moved == 0 {
		return 0, nil
	}
	return moved, o.enqueue(ctx, tx, map[string]bool{channel: true})
}
