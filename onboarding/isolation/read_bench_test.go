package isolation_test

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation"
)

const (
	benchTables = 12
	benchRows   = 20 // of each tenant in each table
)

// bigPlatform is a sound platform of Persons, each with rows in every table.
func bigPlatform(tenants int) string {
	var sql strings.Builder
	fmt.Fprintf(&sql, `CREATE TABLE users (id uuid PRIMARY KEY, slug text UNIQUE NOT NULL, email text);
INSERT INTO users SELECT md5('u' || n)::uuid, 'u' || n, n || '@example.com' FROM generate_series(1, %d) n;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON users USING (id = nullif(current_setting('app.user_id', true), '')::uuid);
`, tenants)
	for i := range benchTables {
		fmt.Fprintf(&sql, `
			CREATE TABLE t%[1]d (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id uuid NOT NULL,
				body text NOT NULL);
INSERT INTO t%[1]d (user_id, body) SELECT u.id, 'row ' || n FROM users u, generate_series(1, %[2]d) n;
CREATE INDEX ON t%[1]d (user_id);
ALTER TABLE t%[1]d ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t%[1]d USING (user_id = nullif(current_setting('app.user_id', true), '')::uuid);
GRANT SELECT ON t%[1]d TO {{app}};
`, i, benchRows)
	}
	sql.WriteString("ANALYZE;")
	return sql.String()
}

// floorSQL does the same checks in one loop on the server, whose plans PL/pgSQL keeps.
func floorSQL() string {
	var checks strings.Builder
	for i := range benchTables {
		fmt.Fprintf(&checks, "SELECT count(*) INTO n FROM t%d WHERE user_id IS DISTINCT FROM me; foreign_rows := "+
			"foreign_rows + n;\n", i)
	}
	return `CREATE FUNCTION floor_of(tenants uuid[]) RETURNS bigint LANGUAGE plpgsql AS $$
		DECLARE me uuid; n bigint; foreign_rows bigint := 0; BEGIN
FOREACH me IN ARRAY tenants LOOP
PERFORM set_config('app.user_id', me::text, true);
` + checks.String() + `END LOOP; RETURN foreign_rows; END $$;`
}

// asApp opens a session of the app role, with the ids of all tenants.
func (s *schema) asApp(t testing.TB) (*pgx.Conn, []string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	rows, err := conn.Query(t.Context(), "SELECT id::text FROM users ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "SET SESSION AUTHORIZATION "+s.role); err != nil {
		t.Fatal(err)
	}
	return conn, ids
}

// floor times the server-side loop.
func (s *schema) floor(t testing.TB) time.Duration {
	conn, ids := s.asApp(t)
	started := time.Now()
	var foreign int
	if err := conn.QueryRow(t.Context(), "SELECT floor_of($1)", ids).Scan(&foreign); err != nil {
		t.Fatal(err)
	}
	if foreign != 0 {
		t.Fatalf("%d foreign rows", foreign)
	}
	return time.Since(started)
}

// roundTrips times the same checks as one statement after another, each planned and answered by
// itself.
func (s *schema) roundTrips(t testing.TB) time.Duration {
	conn, ids := s.asApp(t)
	started := time.Now()
	for _, id := range ids {
		if _, err := conn.Exec(t.Context(), "SELECT set_config('app.user_id', $1, false)", id); err != nil {
			t.Fatal(err)
		}
		for i := range benchTables {
			var foreign int
			if err := conn.QueryRow(t.Context(),
				fmt.Sprintf("SELECT count(*) FROM t%d WHERE user_id IS DISTINCT FROM $1::uuid",
					i), pgx.QueryExecModeExec, id).Scan(&foreign); err != nil {
				t.Fatal(err)
			}
		}
	}
	return time.Since(started)
}

// reads times the checker's exhaustive reads.
func (s *schema) reads(t testing.TB) time.Duration {
	took, checks, err := isolation.TimeReads(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	if checks%benchTables != 0 || checks == 0 {
		t.Fatalf("%d checks", checks)
	}
	return took
}

// best runs the measures in turn, so the same load slows them all, and returns the best time of
// each.
func best(rounds int, measures ...func() time.Duration) []time.Duration {
	times := make([]time.Duration, len(measures))
	for range rounds {
		for i, measure := range measures {
			if took := measure(); times[i] == 0 || took < times[i] {
				times[i] = took
			}
		}
	}
	return times
}

// BenchmarkReads compares the exhaustive reads with their floor and with one statement at a
// time, in one run.
//
//	go test -run - -bench Reads -benchtime 1x ./onboarding/isolation
func BenchmarkReads(b *testing.B) {
	for b.Loop() {
		s := newSchema(b, bigPlatform(2000), floorSQL())
		s.exec(b, "VACUUM ANALYZE")
		times := best(5, func() time.Duration { return s.floor(b) }, func() time.Duration { return s.reads(b) },
			func() time.Duration { return s.roundTrips(b) })
		floor, reads, trips := times[0], times[1], times[2]
		b.ReportMetric(reads.Seconds()/floor.Seconds(), "×floor")
		b.ReportMetric(trips.Seconds()/reads.Seconds(), "×faster-than-round-trips")
		b.Logf("2,000 tenants × %d tables × %d rows: floor %v, checker %v (%.2f× the floor, at most 1.5×), round "+
			"trips %v (%.1f× slower, at least 6×)",
			benchTables, benchRows, floor.Round(time.Millisecond), reads.Round(time.Millisecond),
			reads.Seconds()/floor.Seconds(), trips.Round(time.Millisecond), trips.Seconds()/reads.Seconds())
	}
}

// peakHeap returns the most memory that was in use while f ran, in MiB, with little garbage in it.
func peakHeap(f func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(10))
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for every := time.NewTicker(time.Millisecond); ; {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-every.C:
			case <-done:
				every.Stop()
				peak <- most
				return
			}
		}
	}()
	runtime.GC()
	f()
	close(done)
	return float64(<-peak) / (1 << 20)
}

// BenchmarkGrowth shows that the time per tenant and the memory of all stay the same from 500 to 8,000
// tenants.
func BenchmarkGrowth(b *testing.B) {
	for b.Loop() {
		for _, tenants := range []int{500, 1000, 2000, 4000, 8000} {
			s := newSchema(b, bigPlatform(tenants), floorSQL())
			s.exec(b, "VACUUM ANALYZE")
			times := best(5, func() time.Duration { return s.reads(b) }, func() time.Duration { return s.floor(b) })
			took := times[0]
			heap := peakHeap(func() { s.reads(b) })
			b.ReportMetric(float64(took.Microseconds())/float64(tenants), fmt.Sprintf("µs/tenant-of-%d", tenants))
			b.ReportMetric(heap, fmt.Sprintf("MiB-of-%d", tenants))
			b.Logf("%5d tenants: %8v, %v a tenant (the floor: %v), at most %.1f MiB", tenants,
				took.Round(time.Millisecond), (took / time.Duration(tenants)).Round(time.Microsecond),
				(times[1] / time.Duration(tenants)).Round(time.Microsecond), heap)
		}
	}
}
