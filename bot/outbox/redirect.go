package outbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// gone are Slack's errors of a channel or a thread that is no longer a place to post to.
var gone = []string{"is_archived", "is_inactive", "channel_not_found", "not_in_channel", "thread_not_found", "message_not_found", "cannot_reply_to_message",
	"restricted_action", "restricted_action_thread_locked", "restricted_action_read_only_channel"}

// Redirect moves messages that were never posted, since Slack says that their channel or their thread is gone, to the top level of
// another channel, and returns how many. Only those whose key begins with the prefix are moved. They keep their key, so that each is
// still posted once, also when the channel comes back.
func (o *Outbox) Redirect(ctx context.Context, tx pgx.Tx, prefix, channel string) (int, error) {
	tag, err := tx.Exec(ctx, `
		UPDATE slack_messages m
		SET channel = $2, channel_id = NULL, thread = NULL, thread_ts = NULL, failed_hash = NULL, failed_at = NULL, failed_code = NULL,
			attempts = 0, due_at = now(), updated_at = now()
		WHERE starts_with(m.key, $1) AND (m.channel <> $2 OR m.thread IS NOT NULL OR m.thread_ts IS NOT NULL) AND m.ts IS NULL AND m.delivered_hash IS NULL AND m.sending_hash IS NULL
			AND NOT EXISTS (SELECT FROM slack_messages c WHERE c.thread = m.key)
			AND (m.failed_hash = m.hash AND m.failed_code = ANY($3)
				OR EXISTS (SELECT FROM slack_messages p WHERE p.key = m.thread AND p.ts IS NULL AND p.failed_hash = p.hash AND p.failed_code = ANY($3)))`,
		prefix, channel, gone)
	if err != nil {
		return 0, fmt.Errorf("redirect messages %q: %w", prefix, err)
	}
	moved := int(tag.RowsAffected())
	if moved == 0 {
		return 0, nil
	}
	return moved, o.enqueue(ctx, tx, map[string]bool{channel: true})
}
