-- +goose Up
-- What a tab showed before, newest first: a click can arrive after several updates.
ALTER TABLE home_viewers DROP COLUMN published_before, ADD COLUMN published_earlier bytea[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE home_viewers DROP COLUMN published_earlier, ADD COLUMN published_before bytea;
