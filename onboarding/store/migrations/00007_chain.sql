-- +goose Up
-- The audit chain: one entry for each row that matters and for each change of its state, in the order in which they
-- were committed. docs/audit.md describes what is hashed and how.
CREATE TABLE chain (
    seq    bigint PRIMARY KEY,
    run_id uuid,
    kind   text NOT NULL,
    row_id text NOT NULL,
    record text NOT NULL, -- the row at that time in canonical JSON (RFC 8785)
    hash   bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX chain_of_run ON chain (run_id, seq);

-- chain_record is a row in canonical JSON: to_json writes no spaces and escapes like RFC 8785, and the columns below are
-- sorted by name.
-- +goose StatementBegin
CREATE FUNCTION chain_record(r runs) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.channel, r.created_at AT TIME ZONE 'UTC' AS created,
        r.delete_certificates, r.ended_at AT TIME ZONE 'UTC' AS ended, r.ended_by->>'id' AS ended_by, r.id, r.kind,
        r.renews, r.request::text AS request, r.requester->>'id' AS requester, r.slug, r.state, r.submission,
        r.tenant_id AS tenant, r.undoes) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION chain_record(r events) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.actor->>'id' AS actor, r.approval_id AS approval,
        r.at AT TIME ZONE 'UTC' AS at, r.digest, r.id, r.kind, r.actor->>'name' AS name, r.step, r.text,
        (date_part('epoch', r.took) * 1000000)::bigint AS took) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION chain_record(r approvals) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.asked_at AT TIME ZONE 'UTC' AS asked,
        r.closed_at AT TIME ZONE 'UTC' AS closed, r.digest, r.moved AS drift, r.escalate_at AT TIME ZONE 'UTC' AS escalate,
        r.expires_at AT TIME ZONE 'UTC' AS expires, r.id, r.needs, r.reason_needed, r.remind_at AT TIME ZONE 'UTC' AS remind,
        CASE WHEN r.closed_at IS NULL THEN 'open' ELSE r.state END AS state, r.step) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION chain_record(r votes) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.agrees, r.approval_id AS approval,
        r.at AT TIME ZONE 'UTC' AS at, r.broke_glass, (SELECT digest FROM approvals WHERE id = r.approval_id) AS digest,
        r.name, r.operator, r.reason, r.source) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION chain_record(r attempts) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.approval_id AS approval,
        (SELECT digest FROM approvals WHERE id = r.approval_id) AS digest, r.error,
        r.finished_at AT TIME ZONE 'UTC' AS finished, r.id, r.lines, r.outcome,
        encode(sha256(convert_to(r.log, 'UTF8')), 'hex') AS output, r.started_at AT TIME ZONE 'UTC' AS started, r.step,
        encode(sha256(convert_to(array_to_string(r.tail, E'\n'), 'UTF8')), 'hex') AS tail) x
$$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION chain_record(r freezes) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT to_json(x)::text FROM (SELECT r.frozen_at AT TIME ZONE 'UTC' AS frozen,
        r.frozen_by->>'id' AS frozen_by, r.id, r.reason, r.thawed_at AT TIME ZONE 'UTC' AS thawed,
        r.thawed_by->>'id' AS thawed_by) x
$$;
-- +goose StatementEnd

-- chain_append adds an entry. Its hash is the SHA-256 of the entry in canonical JSON, which holds the hash of the entry
-- before and that of the entry before about the same run. One transaction at a time appends until it commits.
-- +goose StatementBegin
CREATE FUNCTION chain_append(kind text, run uuid, row_id text, record text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
    before bytea;
    before_in_run bytea;
    entry text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('onboardbot/chain', 0));
    SELECT c.seq + 1, c.hash INTO number, before FROM chain c ORDER BY c.seq DESC LIMIT 1;
    SELECT c.hash INTO before_in_run FROM chain c WHERE c.run_id = run ORDER BY c.seq DESC LIMIT 1;
    entry := concat('{"kind":', to_json(kind), ',"prev":"', encode(before, 'hex'), '","record":', record,
        ',"row":', to_json(row_id));
    IF run IS NOT NULL THEN
        entry := concat(entry, ',"run":"', run, '","run_prev":"', encode(before_in_run, 'hex'), '"');
    END IF;
    number := coalesce(number, 1); -- there is no row for the first entry, and concat leaves NULL out
    entry := concat(entry, ',"seq":', number, '}');
    INSERT INTO chain VALUES (number, run, kind, row_id, record, sha256(convert_to(entry, 'UTF8')));
END $$;
-- +goose StatementEnd

-- chain_row runs when a transaction commits, so the chain is the last thing that the transaction waits for. It runs
-- with the rights of the tables' owner: whoever serves may be unable to write to the chain.
-- +goose StatementBegin
CREATE FUNCTION chain_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'runs' THEN PERFORM chain_append('run', NEW.id, NEW.id::text, chain_record(NEW));
        WHEN 'events' THEN PERFORM chain_append('event', NEW.run_id, NEW.id::text, chain_record(NEW));
        WHEN 'approvals' THEN PERFORM chain_append('approval', NEW.run_id, NEW.id::text, chain_record(NEW));
        WHEN 'votes' THEN PERFORM chain_append('vote', (SELECT run_id FROM approvals WHERE id = NEW.approval_id),
            concat(NEW.approval_id, '/', NEW.operator), chain_record(NEW));
        WHEN 'attempts' THEN PERFORM chain_append('attempt', NEW.run_id, NEW.id::text, chain_record(NEW));
        WHEN 'freezes' THEN PERFORM chain_append('freeze', NULL, NEW.id::text, chain_record(NEW));
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd
REVOKE EXECUTE ON FUNCTION chain_row() FROM PUBLIC;

-- Only the bot's schema is searched, and temporary tables last: nobody can put a table of their own in the chain's place.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION chain_row() SET search_path = %I, pg_temp', current_schema());
END $$;
-- +goose StatementEnd

-- What is older than the chain begins it, in order of time.
-- +goose StatementBegin
DO $$
DECLARE
    older record;
BEGIN
    LOCK TABLE runs, events, approvals, votes, attempts, freezes IN SHARE ROW EXCLUSIVE MODE;
    PERFORM chain_append('snapshot', NULL, '', (SELECT to_json(x)::text FROM (SELECT (SELECT count(*) FROM runs)
        + (SELECT count(*) FROM events) + (SELECT count(*) FROM approvals) + (SELECT count(*) FROM votes)
        + (SELECT count(*) FROM attempts WHERE outcome <> 'running') + (SELECT count(*) FROM freezes) AS rows) x));
    FOR older IN
        SELECT created_at AS at, 1 AS place, 'run' AS kind, id AS run, id::text AS id, chain_record(r) AS record FROM runs r
        UNION ALL SELECT asked_at, 2, 'approval', run_id, id::text, chain_record(r) FROM approvals r
        UNION ALL SELECT at, 3, 'vote', a.run_id, concat(approval_id, '/', operator), chain_record(r)
            FROM votes r JOIN approvals a ON a.id = approval_id
        UNION ALL SELECT finished_at, 4, 'attempt', run_id, id::text, chain_record(r) FROM attempts r WHERE outcome <> 'running'
        UNION ALL SELECT at, 5, 'event', run_id, id::text, chain_record(r) FROM events r
        UNION ALL SELECT frozen_at, 6, 'freeze', NULL, id::text, chain_record(r) FROM freezes r
        ORDER BY at, place, id
    LOOP
        PERFORM chain_append(older.kind, older.run, older.id, older.record);
    END LOOP;
END $$;
-- +goose StatementEnd

-- A row enters the chain when it is added, and again when it ends. A change that no rule of the bot makes, such as opening a
-- closed approval again, does not enter it: the row then differs from its entry. Whether an approval that has not ended was
-- granted follows from its votes.
CREATE CONSTRAINT TRIGGER chain_added AFTER INSERT ON runs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_changed AFTER UPDATE ON runs DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.state = 'active' AND NEW.state <> 'active') EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_added AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_added AFTER INSERT ON approvals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_changed AFTER UPDATE ON approvals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.closed_at IS NULL AND NEW.closed_at IS NOT NULL) EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_added AFTER INSERT ON votes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_changed AFTER UPDATE ON attempts DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.outcome = 'running' AND NEW.outcome <> 'running') EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_added AFTER INSERT ON freezes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION chain_row();
CREATE CONSTRAINT TRIGGER chain_changed AFTER UPDATE ON freezes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.thawed_at IS NULL AND NEW.thawed_at IS NOT NULL) EXECUTE FUNCTION chain_row();

-- +goose Down
DROP TRIGGER chain_added ON runs;
DROP TRIGGER chain_changed ON runs;
DROP TRIGGER chain_added ON events;
DROP TRIGGER chain_added ON approvals;
DROP TRIGGER chain_changed ON approvals;
DROP TRIGGER chain_added ON votes;
DROP TRIGGER chain_changed ON attempts;
DROP TRIGGER chain_added ON freezes;
DROP TRIGGER chain_changed ON freezes;
DROP FUNCTION chain_row, chain_append, chain_record(runs), chain_record(events), chain_record(approvals),
    chain_record(votes), chain_record(attempts), chain_record(freezes);
DROP TABLE chain;
