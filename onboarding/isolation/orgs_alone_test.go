package isolation_test

import (
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// TestOrgsAlone checks a platform without a table of users by other configurations than those of
// the corpus.
func TestOrgsAlone(t *testing.T) {
	t.Parallel()
	const schema = `
		CREATE TABLE tenants (id int PRIMARY KEY, name text NOT NULL);
		CREATE TABLE notes (id int PRIMARY KEY, tenant_id int NOT NULL REFERENCES tenants, author int, body text NOT NULL);
		INSERT INTO tenants SELECT n, 'Tenant ' || n FROM generate_series(1, 3) n;
		INSERT INTO notes SELECT n, (n + 1) / 2, n, 'note ' || n FROM generate_series(1, 6) n;
		ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
		ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
		CREATE POLICY own ON tenants USING (id = %1::int);
		CREATE POLICY own ON notes USING (tenant_id = %1::int%2);
		GRANT SELECT ON tenants TO {{app}};
		GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO {{app}}`
	const (
		plain  = `nullif(current_setting('app.tenant_id', true), '')`
		claims = `(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'tenant')`
		author = ` OR author = nullif(current_setting('app.user_id', true), '')::int`
	)
	org := isolation.Settings{User: "app.user_id", Org: "app.tenant_id"}
	token := func(template string) isolation.Settings {
		return isolation.Settings{User: "app.user_id", Org: "app.org_id",
			Templates: map[string]string{"request.jwt.claims": template}}
	}
	for name, c := range map[string]struct {
		tenant, also string
		settings     isolation.Settings
		tables       map[string]isolation.Table
		want         isolation.Verdict
		says         string // an error, or what was left out
	}{
		"claims": {tenant: claims, settings: token(`{"sub": "{user}", "tenant": "{org}"}`), want: isolation.Sound},
		"a table with an author": {tenant: plain, settings: org, want: isolation.Sound,
			tables: map[string]isolation.Table{"public.notes": {Org: "tenant_id", User: "author"}}},
		"an expression": {tenant: plain, settings: org, want: isolation.Sound,
			tables: map[string]isolation.Table{"public.notes": {OrgSQL: "r.tenant_id"}}},
		"Persons without a table": {tenant: plain, also: author, settings: org, want: isolation.Incomplete,
			says: "decide by app.user_id"},
		"no setting of the Org": {tenant: plain, settings: isolation.Settings{User: "app.tenant_id", Org: "app.org_id"},
			says: "write settings.org: app.tenant_id instead of settings.user"},
		"claims of a Person": {tenant: claims, settings: token(`{"tenant": "{user}"}`),
			says: "write {org} instead of {user} in settings.templates"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSchema(t, strings.NewReplacer("%1", c.tenant, "%2", c.also).Replace(schema))
			s.cfg.Settings, s.cfg.Tables, s.cfg.Orgs.Table = c.settings, c.tables, "public.tenants"
			checker, err := isolation.New(s.cfg)
			if err != nil {
				t.Fatal(err)
			}
			report, err := checker.Check(t.Context(), isolation.Options{})
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("error %v, want %q", err, c.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			cov := report.Coverage
			if report.Verdict != c.want || cov.Persons != 0 || cov.Orgs != 3 ||
				!strings.Contains(strings.Join(cov.LeftOut, "\n"), c.says) {
				t.Errorf("%s, want %s: %v %+v", report.Verdict, c.want, report.Findings, cov)
			}
		})
	}
}
