-- +goose Up
-- Who looks at the Home tab: it is kept current for those who opened it lately.
CREATE TABLE home_viewers (
    operator  text PRIMARY KEY,
    team      text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    shown     text NOT NULL, -- digest of what they see
    shown_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX home_viewers_lately ON home_viewers (opened_at DESC);

-- +goose Down
DROP TABLE home_viewers;
