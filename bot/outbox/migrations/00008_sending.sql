-- +goose Up

-- What Slack may show of a message since deliveries whose outcome was not recorded, newest first: fingerprints. Each is
-- committed before the call. The process may die after Slack took the call and before the answer is recorded.
ALTER TABLE slack_messages ADD COLUMN sending_shown bytea[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE slack_messages DROP COLUMN sending_shown;
