-- +goose Up
-- The freeze switch: while a row is not thawed, no destructive step is applied.
CREATE TABLE freezes (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reason    text NOT NULL,
    frozen_by jsonb NOT NULL,
    frozen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    thawed_by jsonb,
    thawed_at timestamptz
);
CREATE UNIQUE INDEX freezes_one_at_a_time ON freezes ((true)) WHERE thawed_at IS NULL;

ALTER TABLE approvals ADD COLUMN escalate_at timestamptz, ADD COLUMN escalated_at timestamptz;
ALTER TABLE approvals ADD COLUMN reason_needed boolean NOT NULL DEFAULT false;
ALTER TABLE votes ADD COLUMN broke_glass boolean NOT NULL DEFAULT false;

-- An approval given before its step's turn. It is looked for by what it is bound to.
CREATE INDEX approvals_ahead ON approvals (run_id, step, digest) WHERE state IN ('ahead', 'ahead_approved');

-- What somebody typed and has not sent.
CREATE TABLE drafts (
    slug       text PRIMARY KEY,
    operator   jsonb NOT NULL,
    inputs     jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- +goose Down
DROP TABLE drafts, freezes;
DROP INDEX approvals_ahead;
ALTER TABLE votes DROP COLUMN broke_glass;
ALTER TABLE approvals DROP COLUMN escalate_at, DROP COLUMN escalated_at, DROP COLUMN reason_needed;
