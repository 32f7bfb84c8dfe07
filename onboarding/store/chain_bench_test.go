package store_test

import (
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// tenThousandRuns are onboardings of ten steps, seven of which were approved and applied, with the
// entries that their rows would have made.
const tenThousandRuns = `
SET session_replication_role = replica;
INSERT INTO runs (id, slug, request, requester, channel, tenant_id, submission, state)
	SELECT md5('run' || n)::uuid, 'provider-' || n,
		jsonb_build_object('slug', 'provider-' || n, 'display_name', 'Provider ' || n,
		'email', n || '@example.com', 'domains', jsonb_build_array(jsonb_build_object('name', n || '.example.com'))),
		'{"id": "U024BE7LH", "name": "Ana Ortiz"}', 'C024BE91L', md5('tenant' || n)::uuid, 'view-' || n, 'done'
	FROM generate_series(1, 10000) n;
INSERT INTO approvals (id, run_id, step, change, digest, state, expires_at, remind_at, closed_at)
	SELECT md5(r.id || 'approval' || n)::uuid, r.id, 'step-' || n, c, encode(sha256(c), 'hex'), 'used',
		now(), now(), now()
	FROM runs r, generate_series(1, 7) n, convert_to(repeat(r.slug || n, 80), 'UTF8') c;
INSERT INTO votes (approval_id, operator, name, agrees) SELECT id, 'U061F7AUR', 'Bo Lindqvist', true FROM approvals;
INSERT INTO attempts (id, run_id, step, approval_id, outcome, finished_at, tail, lines, log)
	SELECT id, run_id, step, id, 'done', now(), ARRAY[repeat('a line of output ', 6)], 20,
		repeat('a line of output ', 60)
	FROM approvals;
INSERT INTO events (run_id, kind, step, actor, approval_id, digest)
	SELECT run_id, kind, step, '{"id": "U061F7AUR", "name": "Bo Lindqvist"}', id, digest
	FROM approvals, unnest(ARRAY['asked', 'approved', 'applying', 'done']) kind;
INSERT INTO events (run_id, kind, step) SELECT r.id, 'done', 'step-' || n FROM runs r, generate_series(8, 12) n;
DO $$
DECLARE entry record;
BEGIN
	FOR entry IN
		SELECT 'run' AS kind, id AS run, id::text AS id, chain_record(r) AS record, 0 AS n FROM runs r
		UNION ALL SELECT 'run', id, id::text, chain_record(r), 9 FROM runs r
		UNION ALL SELECT 'event', run_id, id::text, chain_record(r), 2 FROM events r
		UNION ALL SELECT 'vote', (SELECT run_id FROM approvals WHERE id = approval_id), approval_id || '/' || operator,
			chain_record(r), 3 FROM votes r
		UNION ALL SELECT 'attempt', run_id, id::text, chain_record(r), 4 FROM attempts r
		UNION ALL SELECT 'approval', run_id, id::text, chain_record(r), n FROM approvals r, generate_series(5, 6) n
		ORDER BY run, n
	LOOP
		PERFORM chain_append(entry.kind, entry.run, entry.id, entry.record);
	END LOOP;
END $$;
SET session_replication_role = origin`

// BenchmarkVerifyTenThousandRuns says how long audit verify takes for 10,000 runs. It must stay
// below a second.
func BenchmarkVerifyTenThousandRuns(b *testing.B) {
	pool := newPool(b, postgres.Database(b))
	must(b, store.Migrate(b.Context(), pool, "onboarding"))
	conn, err := pool.Acquire(b.Context())
	must(b, err)
	_, err = conn.Conn().PgConn().Exec(b.Context(), tenThousandRuns).ReadAll()
	must(b, err)
	_, err = conn.Exec(b.Context(), `VACUUM ANALYZE`) // as autovacuum does, long before there are so many
	conn.Release()
	must(b, err)
	for b.Loop() {
		report, err := store.VerifyChain(b.Context(), pool)
		must(b, err)
		if report.Runs != 10_000 || len(report.Problems) > 0 {
			b.Fatalf("%d runs, %.5q", report.Runs, report.Problems)
		}
		b.ReportMetric(float64(report.Entries), "entries")
	}
}
