package store

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding"
)

// manyRuns are runs that ended, each with seven changes that were applied.
const manyRuns = `
SET session_replication_role = replica;
INSERT INTO runs (id, slug, request, requester, channel, tenant_id, submission, state)
	SELECT md5('run' || n)::uuid, 'provider-' || n, jsonb_build_object('slug', 'provider-' || n), '{"id": "U024BE7LH"}',
		'C024BE91L', md5('tenant' || n)::uuid, 'view-' || n, 'done'
	FROM generate_series(1, 2000) n;
INSERT INTO approvals (id, run_id, step, change, digest, state, expires_at, remind_at, closed_at)
	SELECT md5(r.id || 'approval' || n)::uuid, r.id, 'step-' || n, c, encode(sha256(c), 'hex'), 'used',
		now(), now(), now()
	FROM runs r, generate_series(1, 7) n, convert_to('{"items":[],"summary":""}', 'UTF8') c;
INSERT INTO attempts (id, run_id, step, approval_id, outcome, finished_at)
	SELECT id, run_id, step, id, 'done', now() FROM approvals;
INSERT INTO events (run_id, kind, step, approval_id) SELECT run_id, 'asked', step, id FROM approvals;
SET session_replication_role = origin;
ANALYZE`

// rowsRead is how many rows of the large tables this session has read lately.
const rowsRead = `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
	WHERE relname IN ('approvals', 'attempts', 'events')`

// What is about few runs reads nothing of the others, however many there were.
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
	for name, read := range map[string]func(context.Context, pgx.Tx) (int, error){
		"the newest": func(ctx context.Context, tx pgx.Tx) (int, error) {
			runs, err := queryRuns(ctx, tx, newestRuns, 15)
			return len(runs), err
		},
		"live": func(ctx context.Context, tx pgx.Tx) (int, error) {
			runs, err := queryRuns(ctx, tx, newestLive, 50)
			return len(runs), err
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
			if found == 0 || after-before > 500 {
				t.Errorf("%s: %d were found, for which %d rows were read", name, found, after-before)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
