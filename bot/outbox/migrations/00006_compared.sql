-- +goose Up

ALTER TABLE slack_messages
    -- When the last post got no answer in time: Slack may still take it.
    ADD COLUMN unanswered_at timestamptz,
    -- It was posted before, and somebody deleted it in Slack.
    ADD COLUMN again boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE slack_messages DROP COLUMN again, DROP COLUMN unanswered_at;
