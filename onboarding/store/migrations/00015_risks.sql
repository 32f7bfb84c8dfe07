-- +goose Up
-- Requests to accept a risk that a report on isolation names, and what operators did about them. Rows are only added.
CREATE TABLE risks (
    id         uuid PRIMARY KEY,
    object     text NOT NULL,
    operation  text NOT NULL,
    definition text NOT NULL,
    finding    text NOT NULL, -- what the report said about it
    reason     text NOT NULL,
    until      text NOT NULL CHECK (until ~ '^\d{4}-\d\d-\d\d$'), -- the last day, in UTC
    operator   text NOT NULL, -- who asked
    name       text NOT NULL,
    source     text NOT NULL,
    asked_at   timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    needs      integer NOT NULL CHECK (needs > 0),
    confirm    text NOT NULL,
    report     uuid NOT NULL,
    channel    text NOT NULL,
    signature  bytea
);
CREATE INDEX risks_by_object ON risks (object, operation, definition);
CREATE INDEX risks_by_until ON risks (until);

CREATE TABLE risk_votes (
    risk_id   uuid NOT NULL REFERENCES risks,
    operator  text NOT NULL,
    act       text NOT NULL CHECK (act IN ('accept', 'reject', 'withdraw')),
    name      text NOT NULL,
    reason    text NOT NULL,
    source    text NOT NULL,
    at        timestamptz NOT NULL,
    confirmed text NOT NULL,
    signature bytea,
    PRIMARY KEY (risk_id, operator, act)
);

-- See 00007_chain.sql.
-- +goose StatementBegin
CREATE FUNCTION chain_record(r risks) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.asked_at AT TIME ZONE 'UTC' AS asked, r.channel, r.confirm, r.definition,
        r.expires_at AT TIME ZONE 'UTC' AS expires, r.finding, r.id, r.name, r.needs, r.object, r.operation, r.operator,
        r.reason, r.report, r.source, r.until) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION chain_record(r risk_votes) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.act, r.at AT TIME ZONE 'UTC' AS at, r.confirmed, r.name, r.operator, r.reason,
        r.risk_id AS risk, r.source) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION chain_risk() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'risks' THEN PERFORM chain_append('risk', NULL, NEW.id::text, chain_record(NEW));
        WHEN 'risk_votes' THEN PERFORM chain_append('risk_vote', NULL,
            concat(NEW.act, '/', NEW.operator, '/', NEW.risk_id), chain_record(NEW));
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION chain_risk() FROM PUBLIC;
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION chain_risk() SET search_path = %I, pg_temp', current_schema());
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER chain_added AFTER INSERT ON risks DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_risk();
CREATE CONSTRAINT TRIGGER chain_added AFTER INSERT ON risk_votes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_risk();

-- +goose Down
DROP TABLE risk_votes, risks CASCADE;
DROP FUNCTION chain_risk;
