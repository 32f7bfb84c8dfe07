package store

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding"
)

// manyRuns are onboardings that went well, each with seven changes that were applied, and eight times
// as many renewals.
const manyRuns = `
SET session_replication_role = replica;
INSERT INTO runs (id, slug, request, requester, channel, tenant_id, submission, state)
	SELECT md5('run' || n)::uuid, 'provider-' || n, jsonb_build_object('slug', 'provider-' || n,
			'domains', jsonb_build_array(jsonb_build_object('name', n || '.example'))), '{"id": "U024BE7LH"}',
		'C024BE91L', md5('tenant' || n)::uuid, 'view-' || n, 'done'
	FROM generate_series(1, 1000) n;
INSERT INTO approvals (id, run_id, step, change, digest, state, expires_at, remind_at, closed_at)
	SELECT md5(r.id || 'approval' || n)::uuid, r.id, 'step-' || n, c, encode(sha256(c), 'hex'), 'used',
		now(), now(), now()
	FROM runs r, generate_series(1, 7) n, convert_to('{"items":[],"summary":""}', 'UTF8') c;
INSERT INTO attempts (id, run_id, step, approval_id, outcome, finished_at)
	SELECT id, run_id, step, id, 'done', now() FROM approvals;
INSERT INTO events (run_id, kind, step, approval_id) SELECT run_id, 'done', step, id FROM approvals;
INSERT INTO votes (approval_id, operator, name, agrees) SELECT id, 'U061F7AUR', 'Bo Lindqvist', true FROM approvals;
INSERT INTO runs (id, slug, kind, renews, request, requester, channel, tenant_id, submission, state)
	SELECT md5(id || 'renewal' || n)::uuid, slug, 'renew', id, request, requester, channel, tenant_id,
		submission || '/' || n, 'done'
	FROM runs, generate_series(1, 8) n;
INSERT INTO run_domains (run_id, domain, active) SELECT id, request->'domains'->0->>'name', false FROM runs;
INSERT INTO chain SELECT row_number() OVER () + 1, run_id, kind, row_id, record, sha256('') FROM (
	SELECT id AS run_id, 'run' AS kind, id::text AS row_id, chain_record(r) AS record FROM runs r
	UNION ALL SELECT run_id, 'event', id::text, chain_record(e) FROM events e
	UNION ALL SELECT NULL, 'vote', concat(approval_id, '/', operator), chain_record(v) FROM votes v) entries;
SET session_replication_role = origin;
ANALYZE`

// rowsRead is how many rows of the large tables this session has read lately.
const rowsRead = `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
	WHERE relname IN ('runs', 'run_domains', 'approvals', 'votes', 'attempts', 'events', 'chain')`

// What is about few runs reads little more than these, however many others there were.
func TestFewOfManyRunsAreRead(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if err := Migrate(t.Context(), pool, "onboarding"); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), manyRuns, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	var run, approval uuid.UUID
	if err := pool.QueryRow(t.Context(), `SELECT run_id, id FROM approvals LIMIT 1`).Scan(&run, &approval); err != nil {
		t.Fatal(err)
	}
	metrics := NewRecords(pool).Collector()
	testutil.CollectAndCount(metrics)
	for name, read := range map[string]func(context.Context, pgx.Tx) (int, error){
		"the newest": func(ctx context.Context, tx pgx.Tx) (int, error) {
			runs, err := queryRuns(ctx, tx, newestRuns, 15)
			return len(runs), err
		},
		"live": func(ctx context.Context, tx pgx.Tx) (int, error) {
			runs, err := queryRuns(ctx, tx, newestLive, 50)
			return len(runs), err
		},
		"live domains": func(ctx context.Context, tx pgx.Tx) (int, error) {
			domains, err := LiveDomains(ctx, tx)
			return len(domains), err
		},
		"a live domain": func(ctx context.Context, tx pgx.Tx) (int, error) {
			domain, err := LiveDomain(ctx, tx, "7.example")
			if err == nil && domain == nil {
				return 0, nil
			}
			return 1, err
		},
		"the owner of a domain": func(ctx context.Context, tx pgx.Tx) (int, error) {
			slug, _, err := DomainOwner(ctx, tx, DomainClaim{Domain: "www.7.example", Slug: "other"})
			return len(slug), err
		},
		"metrics": func(ctx context.Context, tx pgx.Tx) (int, error) {
			metrics.db = tx
			return testutil.CollectAndCount(metrics), nil
		},
		"what an undo takes back": func(ctx context.Context, tx pgx.Tx) (int, error) {
			applied, err := appliedChanges(ctx, tx, run)
			return len(applied), err
		},
		"interruptions": func(ctx context.Context, tx pgx.Tx) (int, error) {
			attempts, err := On(tx).Interruptions(ctx, approval)
			return 1 + len(attempts), err
		},
		"together": func(ctx context.Context, tx pgx.Tx) (int, error) {
			return 1, On(tx).AskTogether(ctx, &onboarding.Approval{ID: approval, RunID: run, Step: "step-1"})
		},
	} {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			var before, after int64
			if err := tx.QueryRow(t.Context(), rowsRead).Scan(&before); err != nil {
				return err
			}
			found, err := read(t.Context(), tx)
			if err != nil {
				return err
			}
			err = tx.QueryRow(t.Context(), rowsRead).Scan(&after)
			if found == 0 || after-before > 500+3*int64(found) {
				t.Errorf("%s: %d were found, for which %d rows were read", name, found, after-before)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
