-- +goose Up
-- The signature of who requested a run, under the key that votes are signed with; see package onboarding/secondfactor.
ALTER TABLE runs ADD COLUMN signature bytea;

-- +goose Down
ALTER TABLE runs DROP COLUMN signature;
