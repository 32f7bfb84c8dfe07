-- +goose Up
-- What was delivered for the approval and in which the vote was given: a message, a form or a tab, and the fingerprint of
-- what it showed. A vote without it does not count. Votes of before are marked, and a replica of an earlier release, which
-- may still run during the upgrade, leaves it empty: what it counts is asked again.
ALTER TABLE votes ADD COLUMN source text NOT NULL DEFAULT 'an earlier release';
ALTER TABLE votes ALTER COLUMN source SET DEFAULT '';

-- +goose Down
ALTER TABLE votes DROP COLUMN source;
