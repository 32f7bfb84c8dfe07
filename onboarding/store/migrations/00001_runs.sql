-- +goose Up
CREATE TABLE runs (
    id          uuid PRIMARY KEY,
    slug        text NOT NULL,
    request     jsonb NOT NULL,
    requester   jsonb NOT NULL,
    channel     text NOT NULL,
    tenant_id   uuid NOT NULL,
    state       text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'done', 'cancelled')),
    facts       jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,
    ended_by    jsonb,
    -- what the chat side calls the submission that began the run, so that one delivered twice begins one run
    submission  text NOT NULL UNIQUE
);
CREATE UNIQUE INDEX runs_one_active_per_slug ON runs (slug) WHERE state = 'active';
CREATE INDEX runs_by_slug ON runs (slug, created_at DESC);

CREATE TABLE run_domains (
    run_id uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    domain text NOT NULL,
    active boolean NOT NULL DEFAULT true,
    PRIMARY KEY (run_id, domain)
);
CREATE UNIQUE INDEX run_domains_one_active ON run_domains (domain) WHERE active;

CREATE TABLE steps (
    run_id      uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    key         text NOT NULL,
    position    int NOT NULL,
    definition  jsonb NOT NULL,
    state       text NOT NULL DEFAULT 'pending',
    detail      text NOT NULL DEFAULT '',
    findings    jsonb NOT NULL DEFAULT '[]',
    due_at      timestamptz,
    changed_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, key)
);

CREATE TABLE approvals (
    id          uuid PRIMARY KEY,
    run_id      uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    step        text NOT NULL,
    change      bytea NOT NULL, -- canonical form, the digest's input
    digest      text NOT NULL,
    state       text NOT NULL DEFAULT 'open',
    moved       text NOT NULL DEFAULT '',
    needs       int NOT NULL DEFAULT 1,
    asked_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at  timestamptz NOT NULL,
    remind_at   timestamptz NOT NULL,
    reminded_at timestamptz,
    closed_at   timestamptz,
    FOREIGN KEY (run_id, step) REFERENCES steps (run_id, key)
);
CREATE UNIQUE INDEX approvals_one_open_per_step ON approvals (run_id, step) WHERE state IN ('open', 'approved');
CREATE INDEX approvals_of_run ON approvals (run_id, asked_at);

CREATE TABLE votes (
    approval_id uuid NOT NULL REFERENCES approvals ON DELETE CASCADE,
    operator    text NOT NULL,
    name        text NOT NULL,
    agrees      boolean NOT NULL,
    reason      text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (approval_id, operator)
);

CREATE TABLE attempts (
    id          uuid PRIMARY KEY,
    run_id      uuid NOT NULL REFERENCES runs ON DELETE CASCADE,
    step        text NOT NULL,
    approval_id uuid NOT NULL REFERENCES approvals ON DELETE CASCADE,
    outcome     text NOT NULL DEFAULT 'running',
    error       text NOT NULL DEFAULT '',
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    tail        text[] NOT NULL DEFAULT '{}',
    lines       int NOT NULL DEFAULT 0,
    log         text NOT NULL DEFAULT '',
    FOREIGN KEY (run_id, step) REFERENCES steps (run_id, key)
);
CREATE INDEX attempts_of_run ON attempts (run_id, started_at);

CREATE TABLE events (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      uuid NOT NULL REFERENCES runs ON DELETE RESTRICT,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind        text NOT NULL,
    step        text NOT NULL DEFAULT '',
    actor       jsonb,
    text        text NOT NULL DEFAULT '',
    approval_id uuid,
    digest      text NOT NULL DEFAULT '',
    took        interval NOT NULL DEFAULT '0'
);
CREATE INDEX events_of_run ON events (run_id, id);

-- The audit trail is only ever added to.
-- +goose StatementBegin
CREATE FUNCTION events_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
-- +goose StatementEnd
CREATE TRIGGER events_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION events_stay();

-- +goose Down
DROP TABLE events, attempts, votes, approvals, steps, run_domains, runs;
DROP FUNCTION events_stay;
