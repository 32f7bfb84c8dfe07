package isolation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// someone is a table that leaks, so a report finds something beside what it could not check.
const someone = `CREATE TABLE leaky (id int PRIMARY KEY, user_id uuid REFERENCES users);
INSERT INTO leaky SELECT row_number() OVER (), id FROM users;
GRANT SELECT ON leaky TO {{app}};`

// leftOut asserts that a report names what it could not check, and still has a finding.
func leftOut(t *testing.T, report *isolation.Report, what, finding string) {
	t.Helper()
	if !slices.ContainsFunc(report.Coverage.LeftOut, func(line string) bool { return strings.Contains(line, what) }) {
		t.Errorf("nothing left out names %q: %q", what, report.Coverage.LeftOut)
	}
	if finding != "" && !slices.ContainsFunc(report.Findings,
		func(f isolation.Finding) bool { return f.Key() == finding }) {
		t.Errorf("no finding %q: %v", finding, report.Findings)
	}
}

func TestTimeoutOnOneTable(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", someone, `CREATE FUNCTION private.slow() RETURNS boolean LANGUAGE plpgsql
		AS $$ BEGIN PERFORM pg_sleep(30); RETURN true; END $$;
		CREATE POLICY slow ON inbox_messages AS RESTRICTIVE USING (private.slow());`)
	s.cfg.Budget.StatementTimeout = 60 * time.Millisecond
	leftOut(t, s.check(t), "public.inbox_messages", "leak read public.leaky")
}

func TestPolicyThatRaises(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", someone, `CREATE FUNCTION private.broken() RETURNS boolean LANGUAGE plpgsql
		AS $$ BEGIN RAISE EXCEPTION 'the "secret" contents'; END $$;
		CREATE POLICY broken ON inbox_messages AS RESTRICTIVE USING (private.broken());`)
	report := s.check(t)
	leftOut(t, report, "public.inbox_messages", "leak read public.leaky")
	leftOut(t, report, "SQLSTATE P0001", "")
	for _, line := range report.Coverage.LeftOut {
		if strings.Contains(line, "secret") {
			t.Errorf("an error's contents were repeated: %s", line)
		}
	}
}

func TestTenantWhoBreaksTheConnection(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", someone, `CREATE FUNCTION private.break() RETURNS boolean LANGUAGE plpgsql
		SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ BEGIN
		IF current_setting('app.user_id', true) = '{{d}}' AND coalesce(current_setting('app.org_id', true), '') = ''
		THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN true; END $$;
		CREATE POLICY breaking ON inbox_messages AS RESTRICTIVE USING (private.break());`)
	report := s.check(t)
	leftOut(t, report, "Person "+s.expand("{{d}}")+" was not read as", "leak read public.leaky")
	if report.Coverage.Reads == 0 {
		t.Error("nobody was read as")
	}
}

// meanwhile calls f as soon as a session of the checker reads a table.
func (s *schema) meanwhile(t *testing.T, table string, f func(*pgx.Conn) error) <-chan error {
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			conn, err := pgx.Connect(t.Context(), s.dsn)
			if err != nil {
				return err
			}
			defer conn.Close(context.WithoutCancel(t.Context()))
			for {
				var seen bool
				err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
					WHERE datname = current_database() AND pid <> pg_backend_pid()
					AND query LIKE 'SELECT (EXISTS (SELECT FROM%' || $1 || '%$1%')`, table).Scan(&seen)
				if err != nil {
					return err
				}
				if seen {
					return f(conn)
				}
			}
		}()
	}()
	return done
}

func TestConnectionsLostHalfWay(t *testing.T) {
	t.Parallel()
	s := newSchema(t, bigPlatform(2000))
	done := s.meanwhile(t, "t3", func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE 'SELECT (EXISTS (SELECT FROM%$1%'`)
		return err
	})
	report := s.check(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if report.Verdict != isolation.Sound || report.Coverage.Persons != 2000 ||
		report.Coverage.Reads < 2000*benchTables {
		t.Errorf("verdict %s, %d reads as %d Persons, left out %q", report.Verdict, report.Coverage.Reads,
			report.Coverage.Persons, report.Coverage.LeftOut)
	}
}

// TestDatabaseThatGoesAway is one that stops taking connections in the middle of a check, as when
// its server is restarted. A check of the rest would prove nothing.
func TestDatabaseThatGoesAway(t *testing.T) {
	t.Parallel()
	s := newSchema(t, bigPlatform(500))
	done := s.meanwhile(t, "t3", func(conn *pgx.Conn) error {
		config := conn.Config().Copy()
		config.Database = "postgres" // nobody disallows connections to their own
		elsewhere, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			return err
		}
		defer elsewhere.Close(context.WithoutCancel(t.Context()))
		disallow := fmt.Sprintf(`ALTER DATABASE %q ALLOW_CONNECTIONS false`, conn.Config().Database)
		if _, err = elsewhere.Exec(t.Context(), disallow); err != nil {
			return err
		}
		_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		return err
	})
	checker, err := isolation.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	report, err := checker.Check(t.Context(), isolation.Options{})
	if err == nil || report != nil {
		t.Errorf("%v, %+v", err, report)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestTableDroppedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSchema(t, bigPlatform(2000), someone)
	done := s.meanwhile(t, "t3", func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), "DROP TABLE t3")
		return err
	})
	report := s.check(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	leftOut(t, report, "public.t3", "leak read public.leaky")
	if report.Coverage.Reads < 2000*(benchTables-1) {
		t.Errorf("only %d reads", report.Coverage.Reads)
	}
}

func TestTenantDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSchema(t, bigPlatform(2000))
	done := s.meanwhile(t, "t3", func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), "DELETE FROM users WHERE slug LIKE 'u1%'")
		return err
	})
	report := s.check(t)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if report.Verdict != isolation.Sound {
		t.Errorf("verdict %s: %v, left out %q", report.Verdict, report.Findings, report.Coverage.LeftOut)
	}
}

// TestMillionRows runs alone in the process, since it compares what is allocated.
func TestMillionRows(t *testing.T) {
	allocated := map[int]uint64{}
	for _, rows := range []int{1000, 1_000_000} {
		s := onBase(t, "v3", fmt.Sprintf(`
			CREATE UNLOGGED TABLE events (id bigint NOT NULL, user_id uuid NOT NULL, kind text);
			INSERT INTO events SELECT n, CASE WHEN n %% 10 = 0 THEN '{{a}}'::uuid ELSE '{{b}}'::uuid END, 'kind'
				FROM generate_series(1, %d) n;
			ALTER TABLE events ADD PRIMARY KEY (id); CREATE INDEX ON events (user_id);
			ALTER TABLE events ENABLE ROW LEVEL SECURITY;
			CREATE POLICY p ON events USING (user_id = private.me());
			GRANT SELECT, UPDATE, DELETE ON events TO {{app}};`, rows))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if report := s.check(t); report.Verdict != isolation.Sound {
			t.Errorf("%d rows: %s, %v, left out %q", rows, report.Verdict, report.Findings, report.Coverage.LeftOut)
		}
		runtime.ReadMemStats(&after)
		allocated[rows] = after.TotalAlloc - before.TotalAlloc
	}
	if allocated[1_000_000] > 2*allocated[1000] {
		t.Errorf("allocated %d bytes for 1,000 rows and %d for 1,000,000", allocated[1000], allocated[1_000_000])
	}
}

func TestMillionRowsThatLeak(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE UNLOGGED TABLE events (id bigint NOT NULL, user_id uuid NOT NULL, kind text);
		INSERT INTO events SELECT n, '{{b}}'::uuid, 'kind' FROM generate_series(1, 1000000) n;
		ALTER TABLE events ADD PRIMARY KEY (id);
		GRANT SELECT ON events TO {{app}};`)
	report := s.check(t)
	leftOut(t, &isolation.Report{Findings: report.Findings, Coverage: isolation.Coverage{LeftOut: []string{""}}}, "",
		"leak read public.events")
}

func TestNoTenants(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", "TRUNCATE users CASCADE; TRUNCATE bookings CASCADE; CREATE TABLE later (id int PRIMARY "+
		"KEY, user_id uuid REFERENCES users); GRANT SELECT ON later TO {{app}};")
	report := s.check(t)
	leftOut(t, report, "no tenants", "risk row-level security public.later")
	if report.Verdict != isolation.Incomplete || report.Verdict.ExitStatus() != 2 {
		t.Errorf("verdict %s", report.Verdict)
	}
}

func TestThousandPartitions(t *testing.T) {
	t.Parallel()
	partitions := `CREATE TABLE events (id bigint, user_id uuid NOT NULL, day int NOT NULL) PARTITION BY RANGE (day);
		DO $$ BEGIN FOR n IN 0..999 LOOP
			EXECUTE format('CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (%s) TO (%s)', n, n, n + 1);
		END LOOP; END $$;
		INSERT INTO events SELECT n, u.id, n * 7 FROM users u, generate_series(1, 100) n;
		ALTER TABLE events ENABLE ROW LEVEL SECURITY;
		CREATE POLICY p ON events USING (user_id = private.me());
		GRANT SELECT, INSERT, UPDATE, DELETE ON events TO {{app}};`
	// Planning over a thousand partitions takes seconds on a busy machine, and what it takes is
	// not what is tested.
	s := onBase(t, "v3", partitions)
	s.cfg.Budget.StatementTimeout = 2 * time.Minute
	if report := s.check(t); report.Verdict != isolation.Sound {
		t.Errorf("%s: %v, left out %q", report.Verdict, report.Findings, report.Coverage.LeftOut)
	}
	s.exec(t, s.expand("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {{app}};"))
	report := s.check(t)
	if report.Verdict != isolation.Leaking || len(report.Findings) != 2 ||
		!strings.Contains(report.Findings[0].Evidence, "99 more partitions of public.events") {
		t.Errorf("%s: %v", report.Verdict, report.Findings)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	s := newSchema(t, bigPlatform(500))
	checker, err := isolation.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := s.meanwhile(t, "t3", func(*pgx.Conn) error { cancel(); return nil })
	if _, err := checker.Check(ctx, isolation.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	<-done
}

// TestWritesThatNobodySees checks writes that only the victim's own session, or nobody, can look
// at.
func TestWritesThatNobodySees(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"sound", "", nil},
		{"insert", "CREATE POLICY w ON inbox_messages FOR INSERT WITH CHECK (true);",
			[]string{"leak insert public.inbox_messages"}},
		{"insert unseen", "REVOKE ALL ON inbox_messages FROM {{app}}; GRANT INSERT ON inbox_messages TO {{app}}; " +
			"CREATE POLICY w ON inbox_messages FOR INSERT WITH CHECK (user_id IS NOT NULL);",
			[]string{"leak insert public.inbox_messages"}},
		{"move", "DROP POLICY inbox_tenant ON inbox_messages; CREATE POLICY r ON inbox_messages FOR SELECT USING " +
			"(user_id = private.me()); CREATE POLICY u ON inbox_messages FOR UPDATE USING (user_id = private.me()) " +
			"WITH CHECK (true);",
			[]string{"leak update public.inbox_messages"}},
		{"delete", "CREATE FUNCTION empty_inbox(person uuid) RETURNS void LANGUAGE sql SECURITY DEFINER SET " +
			"search_path = pg_catalog, pg_temp AS $$ DELETE FROM public.inbox_messages WHERE user_id = person $$;",
			[]string{"leak delete public.inbox_messages"}},
		{"read", "ALTER TABLE booking_notes DISABLE ROW LEVEL SECURITY; REVOKE INSERT, UPDATE, DELETE ON " +
			"booking_notes FROM {{app}};", []string{"leak read public.booking_notes"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := onBase(t, "v3", c.sql)
			report := s.check(t)
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Key())
			}
			if !slices.Equal(got, c.want) || len(report.Coverage.LeftOut) > 0 {
				t.Errorf("got %q, want %q; left out %q", got, c.want, report.Coverage.LeftOut)
			}
		})
	}
}

func TestCannotBegin(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE ROLE {{role}}_member LOGIN BYPASSRLS; GRANT {{app}} TO {{role}}_member;`)
	for name, c := range map[string]struct {
		change func(*isolation.Config)
		want   string
	}{
		"no role": {func(c *isolation.Config) { c.AppRole = "nobody_of_that_name" },
			`app_role: no role "nobody_of_that_name"`},
		"thin truth": {func(c *isolation.Config) {
			c.DatabaseURL = postgres.Shared(t).DSNAs(s.role,
				databaseOf(s.dsn))
		}, "has no BYPASSRLS"},
		"superuser": {func(c *isolation.Config) { c.DatabaseURL = s.dsn }, "database_url: its role is a superuser"},
		"member": {func(c *isolation.Config) {
			c.DatabaseURL = postgres.Shared(t).DSNAs(s.role+"_member", databaseOf(s.dsn))
		}, "database_url: its role is a member of app_role: REVOKE"},
		"no login": {func(c *isolation.Config) { c.AppDatabaseURL = "" },
			"app_database_url: missing: isolation is"},
		"wrong login":   {func(c *isolation.Config) { c.AppDatabaseURL = c.DatabaseURL }, "not as app_role"},
		"nothing given": {func(c *isolation.Config) { *c = isolation.Config{} }, "database_url: missing"},
		"no users": {func(c *isolation.Config) { c.Users.Table = "public.nobody" },
			"users.table: no table public.nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := s.cfg
			c.change(&cfg)
			var out bytes.Buffer
			status, err := isolation.Run(t.Context(), cfg, isolation.Options{},
				isolation.Output{Writer: &out, Format: isolation.FormatJSON})
			if err != nil || status != 2 {
				t.Errorf("status %d, error %v", status, err)
			}
			var report isolation.Report
			if err := json.Unmarshal(out.Bytes(), &report); err != nil {
				t.Fatal(err)
			}
			leftOut(t, &report, c.want, "")
			checker, err := isolation.New(cfg)
			if err == nil {
				_, err = checker.Ready(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("ready: %v", err)
			}
		})
	}
}

func TestReady(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE ROLE {{role}}_auditor LOGIN BYPASSRLS;
		GRANT USAGE ON SCHEMA public, private TO {{role}}_auditor;
		GRANT SELECT ON ALL TABLES IN SCHEMA public TO {{role}}_auditor; ALTER ROLE {{role}}_auditor NOINHERIT;
		REVOKE SELECT ON inbox_messages FROM {{role}}_auditor;`)
	s.cfg.DatabaseURL = strings.Replace(s.dsn, "postgres@", s.role+"_auditor@", 1)
	checker, err := isolation.New(s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	left, err := checker.Ready(t.Context())
	if err != nil || len(left) != 1 || !strings.HasPrefix(left[0], "public.inbox_messages: permission denied") {
		t.Errorf("%q, %v", left, err)
	}
}

func TestSingleTenant(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", "CREATE POLICY w ON inbox_messages FOR INSERT WITH CHECK (true);")
	var out bytes.Buffer
	status, err := isolation.Run(t.Context(), s.cfg, isolation.Options{Tenant: "person-d"},
		isolation.Output{Writer: &out, Format: isolation.FormatText})
	if err != nil || status != 1 || !strings.Contains(out.String(), "LEAK: insert public.inbox_messages") {
		t.Errorf("status %d, error %v:\n%s", status, err, out.String())
	}
	if status, _ := isolation.Run(t.Context(), s.cfg, isolation.Options{Tenant: "nobody-at-all"},
		isolation.Output{Writer: &out, Format: isolation.FormatText}); status != 2 {
		t.Errorf("status %d for an unknown tenant", status)
	}
}

// TestOneVerdict checks schemas that differ in their random ids alone, in which one tenant of many
// is open.
func TestOneVerdict(t *testing.T) {
	t.Parallel()
	const sql = `ALTER TABLE users ADD COLUMN plan text NOT NULL DEFAULT 'paid';
		ALTER TABLE notes ADD COLUMN stage text NOT NULL DEFAULT 'live';
		INSERT INTO users (email, plan)
			SELECT 'v' || n || '@example.com', CASE WHEN n = 23 THEN 'trial' ELSE 'paid' END
			FROM generate_series(1, 40) n;
		INSERT INTO notes (user_id, body, stage)
			SELECT id, 'n', CASE WHEN random() < 0.1 THEN 'live' ELSE 'old' END FROM users;
		CREATE FUNCTION trial() RETURNS SETOF uuid LANGUAGE sql STABLE SECURITY DEFINER
			SET search_path = pg_catalog, pg_temp AS $$ SELECT id FROM public.users WHERE plan = 'trial' $$;
		CREATE POLICY trial ON notes FOR INSERT WITH CHECK (user_id IN (SELECT trial()));
		CREATE POLICY word ON notes FOR SELECT
			USING (stage = 'old' AND app_claims() ->> 'kind' = 'sexton');`
	want := []string{"leak insert public.notes", "leak read public.notes"}
	// At last that tenant is among the first, whom a check would choose without a reason.
	const first = `UPDATE users SET plan = CASE WHEN id::text = (SELECT min(id::text) FROM users) THEN 'trial'
		ELSE 'paid' END;`
	for _, more := range []string{"", "", first} {
		s := onBase(t, "notes", sql, more)
		var got []string
		for _, f := range s.check(t).Findings {
			got = append(got, f.Key())
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Both the check of functions and that of temporary tables leave out what the configuration
// excuses.
func TestExcusedFunctionIsReportedOnce(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE FUNCTION membership_count() RETURNS bigint LANGUAGE sql SECURITY DEFINER
		SET search_path = pg_catalog, public AS $$ SELECT count(*) FROM org_members $$;`)
	s.cfg.ExcusedFunctions = []string{"public.membership_count"}
	want := []string{"public.membership_count: calls"}
	if diff := cmp.Diff(want, s.check(t).Coverage.Excused); diff != "" {
		t.Error(diff)
	}
}
