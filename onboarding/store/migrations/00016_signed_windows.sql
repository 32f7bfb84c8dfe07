-- +goose Up
-- Who had a change applied outside of its window, and when, which the audit trail has as an event; and signatures, under the
-- key that votes are signed with, of that and of the beginning of each application: both let a change pass a closed window.
ALTER TABLE approvals ADD COLUMN apply_now_by text;
ALTER TABLE approvals ADD COLUMN apply_now_at timestamptz;
ALTER TABLE approvals ADD COLUMN apply_now_signature bytea;
ALTER TABLE attempts ADD COLUMN signature bytea;

-- +goose Down
ALTER TABLE attempts DROP COLUMN signature;
ALTER TABLE approvals DROP COLUMN apply_now_signature;
ALTER TABLE approvals DROP COLUMN apply_now_at;
ALTER TABLE approvals DROP COLUMN apply_now_by;
