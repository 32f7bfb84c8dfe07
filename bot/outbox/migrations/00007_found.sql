-- +goose Up

-- The messages of a thread, those that were delivered lately, and somebody's conversation are found without reading
-- all messages that were ever sent.
CREATE INDEX slack_messages_of_thread ON slack_messages (thread) WHERE thread IS NOT NULL;
CREATE INDEX slack_messages_delivered ON slack_messages (delivered_at) WHERE delivered_at IS NOT NULL;
CREATE INDEX slack_messages_conversation ON slack_messages (channel, channel_id) WHERE ts IS NOT NULL;

-- +goose Down
DROP INDEX slack_messages_of_thread, slack_messages_delivered, slack_messages_conversation;
