-- +goose Up
-- Until when the change waits for its window, as of the vote, NULL for at once; and whether an approver had it applied
-- outside of its window, which the audit trail has as an event.
ALTER TABLE votes ADD COLUMN not_before timestamptz;
ALTER TABLE approvals ADD COLUMN apply_now boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE approvals DROP COLUMN apply_now;
ALTER TABLE votes DROP COLUMN not_before;
