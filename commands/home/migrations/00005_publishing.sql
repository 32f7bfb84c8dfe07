-- +goose Up
-- What a tab may show since a call whose outcome is not recorded: a fingerprint. It is committed before the call.
ALTER TABLE home_viewers ADD COLUMN publishing bytea;

-- +goose Down
ALTER TABLE home_viewers DROP COLUMN publishing;
