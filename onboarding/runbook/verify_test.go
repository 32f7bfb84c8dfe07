package runbook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// counts are the rows of every table, as the superuser sees them.
func (w *fixture) counts() string {
	w.t.Helper()
	conn, err := pgx.Connect(w.t.Context(), w.AdminDSN())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close(w.t.Context())
	var counts string
	err = conn.QueryRow(w.t.Context(), `SELECT concat_ws(' ', (SELECT count(*) FROM users), (SELECT count(*) FROM orgs), (SELECT count(*) FROM org_members),
		(SELECT count(*) FROM bookings), (SELECT count(*) FROM inbox_messages), (SELECT count(*) FROM analytics_events))`).Scan(&counts)
	if err != nil {
		w.t.Fatal(err)
	}
	return counts
}

// checked are the findings of a verification as "level name".
func checked(observed onboarding.Observation) []string {
	var list []string
	for _, finding := range observed.Findings {
		list = append(list, string(finding.Level)+" "+finding.Name)
	}
	return list
}

// verify observes the verify step of a run without regard to its sites.
func (w *fixture) verify(run *onboarding.Run) onboarding.Observation {
	w.t.Helper()
	for i := range run.Steps {
		run.Steps[i].State = onboarding.StepDone
	}
	return w.observe(run, "verify")
}

func TestVerify(t *testing.T) {
	w := newFixture(t, nil)
	alone, owns, joins := w.newRun(person("anna")), w.newRun(owner("bella")), w.newRun(member("clara", "lilith"))
	for _, run := range []*onboarding.Run{alone, owns, joins} {
		if observed := w.observe(run, "verify"); observed.Later == "" {
			t.Errorf("verified before anything is there: %+v", observed)
		}
		w.do(run, "database")
	}
	before := w.counts()
	personal := func(slug string) []string {
		var list []string
		for _, name := range []string{"test booking", "test inbox message", "test analytics event",
			"invisible to others", "cross-tenant read", "nothing left behind"} {
			list = append(list, "ok "+name+", as "+slug)
		}
		return list
	}
	for _, test := range []struct {
		run  *onboarding.Run
		want []string
	}{
		{alone, slices.Concat([]string{"ok provider-portal"}, personal("anna"),
			[]string{"ok no row predates the run"})},
		{owns, slices.Concat([]string{"ok provider-portal"}, personal("bella"), personal("bella in bella-collective"),
			[]string{"ok no row predates the run", "ok context switcher"})},
		{joins, slices.Concat([]string{"ok provider-portal"}, personal("clara"), personal("clara in lilith"),
			[]string{"ok no row predates the run", "ok context switcher"})},
	} {
		observed := w.verify(test.run)
		if diff := cmp.Diff(test.want, checked(observed)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s%+v", test.run.Request.Slug, diff, observed.Findings)
		}
		if test.run == joins && !strings.HasPrefix(observed.Findings[0].Detail, "https://quinn.my/ ") {
			t.Errorf("a sub-account's portal: %s", observed.Findings[0].Detail)
		}
	}
	if after := w.counts(); after != before {
		t.Errorf("left behind: %s, was %s", after, before)
	}

	for name, test := range map[string]struct {
		run        *onboarding.Run
		harm, mend string
		want       []string
	}{
		"everybody reads bookings": {alone,
			"CREATE POLICY open ON bookings FOR SELECT TO platform_app USING (true)", "DROP POLICY open ON bookings",
			[]string{"failed invisible to others, as anna: a session without identity sees 1 of 3 test rows",
				"failed cross-tenant read, as anna: anna reads 1 rows of tenant"}},
		"an Org's rows are everybody's who asks for them": {owns,
			"CREATE POLICY open ON bookings FOR SELECT TO platform_app USING (org_id = app_org_id())",
			"DROP POLICY open ON bookings",
			[]string{"failed invisible to others, as bella in bella-collective: a session without identity sees 1 " +
				"of 3 test rows; tenant "}},
		"RLS is off": {alone,
			"ALTER TABLE inbox_messages DISABLE ROW LEVEL SECURITY",
			"ALTER TABLE inbox_messages ENABLE ROW LEVEL SECURITY",
			[]string{"failed invisible to others, as anna", "failed cross-tenant read, as anna"}},
		"rows land with somebody else": {alone,
			"CREATE FUNCTION theft() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN NEW.user_id := '" +
				quinnID + "'; RETURN NEW; END $$;" +
				"CREATE TRIGGER theft BEFORE INSERT ON analytics_events FOR EACH ROW EXECUTE FUNCTION theft();",
			"DROP TRIGGER theft ON analytics_events; DROP FUNCTION theft",
			[]string{"failed test analytics event, as anna: it is refused: new row violates row-level security " +
				"policy"}},
		"a past": {alone,
			"INSERT INTO bookings (user_id, client, starts_at, created_at) SELECT id, 'Old', now(), '2020-01-01' " +
				"FROM users WHERE slug = 'anna'",
			"DELETE FROM bookings WHERE client = 'Old'",
			[]string{"failed no row predates the run: rows from before "}},
		"a Person from before": {alone,
			"UPDATE users SET created_at = created_at - interval '1 day' WHERE slug = 'anna'",
			"UPDATE users SET created_at = created_at + interval '1 day' WHERE slug = 'anna'",
			[]string{"failed no row predates the run: the Person's row is from "}},
		"a membership from before": {joins,
			"UPDATE org_members SET created_at = '2020-01-01' WHERE user_id = (SELECT id FROM users WHERE slug = " +
				"'clara')",
			"UPDATE org_members SET created_at = now() WHERE user_id = (SELECT id FROM users WHERE slug = 'clara')",
			[]string{"failed no row predates the run: rows from before "}},
		"not in the switcher": {joins,
			"UPDATE org_members SET org_id = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb' WHERE user_id = (SELECT id FROM " +
				"users WHERE slug = 'clara')",
			"UPDATE org_members SET org_id = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' WHERE user_id = (SELECT id FROM " +
				"users WHERE slug = 'clara')",
			[]string{"failed provider-portal: https://quinn.my/ does not show",
				"failed context switcher: quinn does not see clara in lilith",
				"failed test booking, as clara in lilith: it is refused"}},
		"another name on the portal": {alone,
			"UPDATE users SET display_name = 'Nobody' WHERE slug = 'anna'",
			"UPDATE users SET display_name = 'Name of anna' WHERE slug = 'anna'",
			[]string{`failed provider-portal: https://anna.my/ does not show "Name of anna"`}},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.sql(test.harm)
			list := notPassed(t, w.verify(test.run))
			w.sql(test.mend)
			for _, want := range test.want {
				if !slices.ContainsFunc(list, func(line string) bool { return strings.HasPrefix(line, want) }) {
					t.Errorf("want %q, got %q", want, list)
				}
			}
			if list := notPassed(t, w.verify(test.run)); len(list) > 0 {
				t.Errorf("mended, and yet: %q", list)
			}
		})
	}
	if after := w.counts(); after != before {
		t.Errorf("left behind: %s, was %s", after, before)
	}
}
