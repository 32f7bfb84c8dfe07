-- +goose Up
-- Grows with each process that takes up the run. What an earlier holder of the run still does is refused.
ALTER TABLE runs ADD COLUMN fencing_token bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE runs DROP COLUMN fencing_token;
