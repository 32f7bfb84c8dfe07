-- +goose Up
-- What Slack says that a tab shows since it was last published, and what it showed before: fingerprints.
ALTER TABLE home_viewers ADD COLUMN published bytea, ADD COLUMN published_before bytea;

-- +goose Down
ALTER TABLE home_viewers DROP COLUMN published_before, DROP COLUMN published;
