-- +goose Up

-- What Slack said that an open form for a decision shows, and what it showed before that: fingerprints. A decision counts
-- only in what the bot showed.
CREATE TABLE slack_views (
    view_id      text PRIMARY KEY,
    shown        bytea NOT NULL,
    shown_before bytea,
    shown_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX slack_views_shown_at ON slack_views (shown_at);

-- +goose Down
DROP TABLE slack_views;
