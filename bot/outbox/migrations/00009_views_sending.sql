-- +goose Up

-- What an open form may show since a call whose outcome is not recorded. It is committed before the call. A form whose
-- opening is not recorded has its external_id for an id, and nothing else that was shown.
ALTER TABLE slack_views ADD COLUMN sending bytea, ALTER COLUMN shown DROP NOT NULL;

-- +goose Down
DELETE FROM slack_views WHERE shown IS NULL;
ALTER TABLE slack_views ALTER COLUMN shown SET NOT NULL, DROP COLUMN sending;
