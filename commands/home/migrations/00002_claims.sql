-- +goose Up
-- Until when a sweep is busy with a viewer's tab.
ALTER TABLE home_viewers ADD COLUMN claimed_until timestamptz;

-- +goose Down
ALTER TABLE home_viewers DROP COLUMN claimed_until;
