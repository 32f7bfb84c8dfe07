-- +goose Up

-- What Slack said that a message shows when it was last delivered, and when it showed something else before that:
-- fingerprints of its blocks. A click counts only in what was delivered. A replica of an earlier release delivers without
-- them, so shown_at differs from delivered_at then.
ALTER TABLE slack_messages
    ADD COLUMN shown_hash bytea, ADD COLUMN shown_before bytea, ADD COLUMN shown_at timestamptz;

-- +goose Down
ALTER TABLE slack_messages DROP COLUMN shown_at, DROP COLUMN shown_before, DROP COLUMN shown_hash;
