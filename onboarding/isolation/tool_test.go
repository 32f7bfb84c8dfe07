package isolation_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// emptied is a schema whose tables were emptied, and the options to seed it as its owner, who is no
// superuser and whom policies are forced on.
func emptied(t *testing.T, base string, statements ...string) (*schema, isolation.Disposable) {
	t.Helper()
	s := onBase(t, base, append([]string{`DO $$ DECLARE r record; BEGIN
		CREATE ROLE {{role}}_owner LOGIN;
		FOR r IN SELECT c.oid::regclass AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') LOOP
			EXECUTE format('TRUNCATE %s CASCADE', r.name);
			EXECUTE format('ALTER TABLE %s OWNER TO {{role}}_owner', r.name);
			EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', r.name);
		END LOOP;
		FOR r IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information' LOOP
			EXECUTE format('GRANT USAGE ON SCHEMA %I TO {{role}}_owner', r.nspname);
		END LOOP; END $$;`}, statements...)...)
	owner := postgres.Shared(t).DSNAs(s.role+"_owner", databaseOf(s.dsn))
	return s, isolation.Disposable{OwnerDatabaseURL: owner}
}

// TestSeed checks schemas without a row. What the seed makes is enough to prove what rows prove.
func TestSeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		base, sql string
		want      isolation.Verdict
	}{
		"sound":       {"v3", ``, isolation.Sound},
		"open policy": {"v3", `CREATE POLICY open ON booking_notes USING (true)`, isolation.Leaking},
		"constraints": {"v3", `CREATE TYPE mood AS ENUM ('calm', 'wild');
			CREATE TABLE plans (id serial PRIMARY KEY, code text UNIQUE NOT NULL CHECK (code ~ '^[a-z]+$'),
				days int NOT NULL);
			CREATE TABLE subscriptions (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
				plan_id int NOT NULL REFERENCES plans, user_id uuid NOT NULL REFERENCES users,
				state text NOT NULL CHECK (state IN ('open', 'over')), mood mood NOT NULL,
				mail text NOT NULL CHECK (mail LIKE '%@%.%'), span daterange NOT NULL, tags text[] NOT NULL,
				extra jsonb NOT NULL);
			CREATE TABLE invoices (id uuid PRIMARY KEY, subscription_id bigint NOT NULL REFERENCES subscriptions,
				amount numeric(8,2) NOT NULL);
			GRANT SELECT ON subscriptions, invoices TO {{app}};
			ALTER TABLE plans OWNER TO {{role}}_owner;
			ALTER TABLE subscriptions OWNER TO {{role}}_owner;
			ALTER TABLE invoices OWNER TO {{role}}_owner`,
			isolation.Leaking},
		"numbers": {"bigint", ``, isolation.Sound},
		"quoted":  {"quoted", ``, isolation.Sound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, options := emptied(t, c.base, c.sql)
			before := s.check(t)
			seeded, err := isolation.Seed(t.Context(), s.cfg, options)
			if err != nil {
				t.Fatal(err)
			}
			if seeded.Persons != 4 || len(seeded.Missing) > 0 {
				t.Errorf("seeded %+v", seeded)
			}
			report := s.check(t)
			if report.Verdict != c.want || before.Verdict != isolation.Incomplete {
				var text bytes.Buffer
				_ = results.WriteText(&text, report, nil)
				t.Errorf("%s before and %s after, want %s:\n%s", before.Verdict, report.Verdict, c.want, text.String())
			}
			for _, covered := range report.Coverage.Detail {
				if covered.Empty {
					t.Errorf("%s is empty", covered.Table)
				}
			}
			if name == "constraints" && (!report.Has("leak read public.subscriptions") ||
				!report.Has("leak read public.invoices")) {
				t.Errorf("findings: %v", report.Findings)
			}
			if _, err := isolation.Seed(t.Context(), s.cfg, options); !errors.Is(err, isolation.ErrHasTenants) {
				t.Errorf("a second time: %v", err)
			}
		})
	}
}

// TestSeedRefuses tries databases that must not be seeded, and logins that may not.
func TestSeedRefuses(t *testing.T) {
	t.Parallel()
	s, options := emptied(t, "v3")
	options.Identity, options.Authoritative = "SELECT 'prime'", "prime"
	if _, err := isolation.Seed(t.Context(), s.cfg, options); !errors.Is(err, isolation.ErrAuthoritative) {
		t.Errorf("the authoritative host: %v", err)
	}
	app := isolation.Disposable{OwnerDatabaseURL: s.cfg.AppDatabaseURL}
	if _, err := isolation.Seed(t.Context(), s.cfg, app); err == nil {
		t.Error("the app role could seed")
	}
	if _, err := isolation.Seed(t.Context(), s.cfg, isolation.Disposable{}); err == nil {
		t.Error("without a login")
	}
	// Tenants that policies hide from the owner are tenants.
	s.exec(t, "INSERT INTO users (slug, email, display_name) VALUES ('a', 'a@example.com', 'A')")
	options = isolation.Disposable{OwnerDatabaseURL: options.OwnerDatabaseURL}
	if _, err := isolation.Seed(t.Context(), s.cfg, options); !errors.Is(err, isolation.ErrHasTenants) {
		t.Errorf("hidden tenants: %v", err)
	}
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var users, unforced int
	if err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM pg_class
		WHERE relname = 'users' AND NOT relforcerowsecurity)`).Scan(&users, &unforced); err != nil {
		t.Fatal(err)
	}
	if users != 1 || unforced != 0 {
		t.Errorf("%d users, and %d tables that are not forced", users, unforced)
	}
}

// TestBaseline fails on what is new since a report, and on nothing else.
func TestBaseline(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE POLICY open ON inbox_messages FOR SELECT USING (true)`)
	file := filepath.Join(t.TempDir(), "report.json")
	run := func(baseline *isolation.Report) (int, string) {
		t.Helper()
		var out bytes.Buffer
		status, err := isolation.Run(t.Context(), s.cfg, isolation.Options{},
			isolation.Output{Writer: &out, Format: isolation.FormatJSON, Baseline: baseline})
		if err != nil {
			t.Fatal(err)
		}
		return status, out.String()
	}
	status, first := run(nil)
	if status != 1 {
		t.Fatalf("without a baseline: %d", status)
	}
	if err := os.WriteFile(file, []byte(first), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	baseline, err := isolation.ReadBaseline(in)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := run(baseline); status != 0 {
		t.Errorf("the same leak: %d", status)
	}
	s.exec(t, `CREATE POLICY open ON bookings FOR SELECT USING (true); DROP POLICY open ON inbox_messages`)
	status, second := run(baseline)
	for _, want := range []string{`"changes"`, `"fixed"`, `"new"`} {
		if status != 1 || !strings.Contains(second, want) {
			t.Errorf("another leak: %d, lacks %s in\n%s", status, want, second)
		}
	}
	for _, wrong := range []string{"", "{}", "[]", `{"verdict": "incomplete"}`} {
		if _, err := isolation.ReadBaseline(strings.NewReader(wrong)); err == nil {
			t.Errorf("read %q as a baseline", wrong)
		}
	}
}

// TestFixesAreTried tries fixes as an owner of the schema who is no superuser.
func TestFixesAreTried(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE POLICY open ON inbox_messages USING (true); CREATE ROLE {{role}}_owner LOGIN;
		ALTER TABLE inbox_messages OWNER TO {{role}}_owner; GRANT CREATE ON SCHEMA public TO {{role}}_owner;
		CREATE FUNCTION titles() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
			AS $$ SELECT title FROM bookings $$`)
	owner := postgres.Shared(t).DSNAs(s.role+"_owner", databaseOf(s.dsn))
	trials := func(disposable isolation.Disposable) map[string]isolation.Trial {
		t.Helper()
		got := map[string]isolation.Trial{}
		for _, f := range s.checkWith(t, isolation.Options{Disposable: &disposable}).Findings {
			got[f.Key()] = *f.Trial
		}
		return got
	}
	const read, call = "leak read public.inbox_messages", "leak read public.bookings"
	for name, c := range map[string]struct{ url, why string }{
		"no member": {owner, "may not become the app role"},
		"another database": {
			postgres.Shared(t).DSN(postgres.Superuser), "a database other than the one that was checked",
		},
	} {
		got := trials(isolation.Disposable{OwnerDatabaseURL: c.url})[read]
		if got.Outcome != isolation.FixUntried || !strings.Contains(got.Why, c.why) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	s.exec(t, s.expand(`GRANT {{app}} TO {{role}}_owner`))
	got := trials(isolation.Disposable{OwnerDatabaseURL: owner})
	if got[read].Outcome != isolation.FixCloses {
		t.Errorf("a policy: %+v", got[read])
	}
	if got[call].Outcome != isolation.FixFails {
		t.Errorf("a function that the owner does not own: %+v", got[call])
	}
	got = trials(isolation.Disposable{OwnerDatabaseURL: s.dsn})
	if got[call].Outcome != isolation.FixCosts || got[call].Why != "calls of titles()" {
		t.Errorf("a function: %+v", got[call])
	}
	if again := s.check(t); again.Verdict != isolation.Leaking || again.Findings[0].Trial != nil {
		t.Errorf("a trial was committed: %+v", again)
	}
}

// TestAcceptedRisk accepts a risk, until its object changes.
func TestAcceptedRisk(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3", `CREATE SCHEMA scratch; GRANT USAGE, CREATE ON SCHEMA scratch TO {{app}};
		CREATE FUNCTION my_booking_count() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER
			AS $$ SELECT count(*) FROM public.bookings b WHERE b.user_id = private.me() $$`)
	first := s.check(t)
	if len(first.Findings) != 1 || first.Findings[0].Kind != isolation.Risk || first.Findings[0].Definition == "" {
		t.Fatalf("findings: %+v", first.Findings)
	}
	risk := first.Findings[0]
	s.cfg.Accept = []isolation.Acceptance{{Object: risk.Table, Operation: risk.Operation, Definition: risk.Definition,
		Reason: "only the API calls it", Who: "Ana", Until: "2999-12-31"}}
	accepted := s.check(t)
	if accepted.Verdict != isolation.Sound || len(accepted.Accepted) != 1 || len(accepted.Findings) != 0 {
		t.Errorf("accepted: %s, %+v", accepted.Verdict, accepted.Findings)
	}
	if changes := results.Diff(first, accepted); len(changes.Fixed) > 0 {
		t.Errorf("an accepted risk counts as fixed: %+v", changes)
	}
	s.exec(t, `ALTER FUNCTION my_booking_count COST 7`)
	again := s.check(t)
	if again.Verdict != isolation.Incomplete || len(again.Findings) != 1 ||
		!slices.ContainsFunc(again.Coverage.Notes, func(note string) bool {
			return strings.Contains(note, "Ana accepted it for another definition")
		}) {
		t.Errorf("after a change: %s, %q", again.Verdict, again.Coverage.Notes)
	}
	s.cfg.Accept = []isolation.Acceptance{{Until: "tomorrow"}}
	err := s.cfg.Validate()
	for _, want := range []string{"accept[0].definition", "accept[0].object", "accept[0].reason", "accept[0].until",
		"accept[0].who"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}
