-- +goose Up

-- What Slack showed of a message before, newest first: a click can arrive after several updates.
ALTER TABLE slack_messages DROP COLUMN shown_before, ADD COLUMN shown_earlier bytea[] NOT NULL DEFAULT '{}';

-- What Slack said that an open form for a decision shows, and what it showed before that: fingerprints. A decision counts
-- only in what the bot showed.
CREATE TABLE slack_views (
    view_id       text PRIMARY KEY,
    shown         bytea NOT NULL,
    shown_earlier bytea[] NOT NULL DEFAULT '{}',
    shown_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX slack_views_shown_at ON slack_views (shown_at);

-- +goose Down
DROP TABLE slack_views;
ALTER TABLE slack_messages DROP COLUMN shown_earlier, ADD COLUMN shown_before bytea;
