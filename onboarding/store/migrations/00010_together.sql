-- +goose Up
-- The request in whose message this one stands, NULL for a message of its own, as all older ones have.
ALTER TABLE approvals ADD COLUMN asked_with uuid REFERENCES approvals;

-- +goose Down
ALTER TABLE approvals DROP COLUMN asked_with;
