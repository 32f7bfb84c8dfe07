-- +goose Up
-- What has to confirm a vote beyond Slack, what did, and the vote's signature under a key that is not in this database;
-- see package onboarding/secondfactor.
ALTER TABLE approvals ADD COLUMN confirm text NOT NULL DEFAULT '';
ALTER TABLE votes ADD COLUMN confirmed text NOT NULL DEFAULT '';
ALTER TABLE votes ADD COLUMN signature bytea;

-- The secrets of authenticator apps, encrypted under that key. A try is counted before its code is compared.
CREATE TABLE second_factors (
    operator     text PRIMARY KEY,
    sealed       bytea NOT NULL,
    last_counter bigint NOT NULL DEFAULT 0,
    failures     integer NOT NULL DEFAULT 0,
    enrolled_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- +goose Down
DROP TABLE second_factors;
ALTER TABLE votes DROP COLUMN signature;
ALTER TABLE votes DROP COLUMN confirmed;
ALTER TABLE approvals DROP COLUMN confirm;
