package platform_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// schema is a platform that names everything in another way, some of it so that it needs quotes.
const schema = `
CREATE SCHEMA tenancy;
CREATE TABLE tenancy."user" ("ID" uuid PRIMARY KEY, handle text UNIQUE, "e-mail" text, "group" text, made timestamptz DEFAULT now());
CREATE TABLE tenancy.teams (id bigserial PRIMARY KEY, handle text UNIQUE, title text, boss uuid REFERENCES tenancy."user", made timestamptz DEFAULT now());
CREATE TABLE tenancy.seats (team bigint REFERENCES tenancy.teams, person uuid REFERENCES tenancy."user", kind text, made timestamptz DEFAULT now());
INSERT INTO tenancy."user" VALUES ('11111111-1111-4111-8111-111111111111', 'quinn', 'Quinn@Example.com', 'Quinn');
INSERT INTO tenancy.teams (handle, title, boss) SELECT h, t, '11111111-1111-4111-8111-111111111111' FROM
	(VALUES ('lilith', 'Atelier Lilith'), ('percent', '100% Club'), ('under_score', 'Under Score'), ('backslash', 'Back\slash')) AS x (h, t);
`

func config(t *testing.T) platform.Config {
	t.Helper()
	dsn := postgres.Database(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	return platform.Config{
		DatabaseURL: secret.New(dsn), AppRole: postgres.Superuser,
		Users: platform.UsersTable{Table: "tenancy.user", ID: "ID", Slug: "handle", Email: "e-mail",
			DisplayName: "group", CreatedAt: "made"},
		Orgs: platform.OrgsTable{Table: "tenancy.teams", Slug: "handle", Name: "title", Owner: "boss",
			CreatedAt: "made"},
		Members: platform.MembersTable{Table: "tenancy.seats", Org: "team", User: "person", Role: "kind",
			CreatedAt: "made", OwnerRole: "boss", MemberRole: "hand"},
		Rows: []platform.RowKind{},
	}
}

func open(t *testing.T) *platform.DB {
	t.Helper()
	db, err := platform.New(config(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func TestOtherNames(t *testing.T) {
	t.Parallel()
	db := open(t)
	id := uuid.NewString()
	statements := []onboarding.Statement{
		db.InsertUser(onboarding.Tenant{ID: id, Slug: "merche", Email: "m@example.com", DisplayName: `"; --`}),
		db.InsertOrg(onboarding.Org{Slug: "merches", Name: "Merche's"}, id),
		db.InsertMember("merches", id, db.OwnerRole()),
	}
	want := []string{
		`INSERT INTO tenancy."user" ("ID", handle, "e-mail", "group") VALUES ($1, $2, $3, $4)`,
		`INSERT INTO tenancy.teams (handle, title, boss) VALUES ($1, $2, $3)`,
		`INSERT INTO tenancy.seats (team, person, kind) ` +
			`VALUES ((SELECT id FROM tenancy.teams WHERE handle = $1), $2, $3)`,
	}
	var got []string
	for _, statement := range statements {
		got = append(got, statement.SQL)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if err := db.Execute(t.Context(), onboarding.Transaction{Statements: statements}, platform.Owner{}); err != nil {
		t.Fatal(err)
	}
	tenant, err := db.Tenant(t.Context(), "merche")
	if diff := cmp.Diff(&onboarding.Tenant{ID: id, Slug: "merche", Email: "m@example.com", DisplayName: `"; --`},
		tenant); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	org, err := db.FindOrg(t.Context(), "merches")
	if diff := cmp.Diff(&platform.Org{ID: "5", Slug: "merches", Name: "Merche's", Owner: id, OwnerSlug: "merche"},
		org); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if role, err := db.Role(t.Context(), "5", id); role != "boss" || err != nil {
		t.Errorf("role %q, %v", role, err)
	}
	if none, err := db.Tenant(t.Context(), "nobody"); none != nil || err != nil {
		t.Errorf("nobody: %v, %v", none, err)
	}
}

func TestExecuteIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db := open(t)
	user := db.InsertUser(onboarding.Tenant{ID: uuid.NewString(), Slug: "half", Email: "h@example.com",
		DisplayName: "Half"})
	for name, second := range map[string]onboarding.Statement{
		"an error": db.InsertUser(onboarding.Tenant{ID: uuid.NewString(), Slug: "quinn", Email: "q@example.com",
			DisplayName: "Q"}),
		"no row":     {SQL: `DELETE FROM tenancy.seats WHERE kind = $1`, Args: []string{"none"}},
		"three rows": {SQL: `UPDATE tenancy.teams SET title = title WHERE handle <> $1`, Args: []string{"lilith"}},
		"not a value": {SQL: `INSERT INTO tenancy.seats (person) VALUES ($1)`,
			Args: []string{"x'; DROP TABLE tenancy.seats; --"}},
	} {
		if err := db.Execute(t.Context(),
			onboarding.Transaction{Statements: []onboarding.Statement{user, second}},
			platform.Owner{}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if tenant, err := db.Tenant(t.Context(), "half"); tenant != nil || err != nil {
			t.Errorf("%s: the first statement stayed: %v, %v", name, tenant, err)
		}
	}
}

func TestOrgsByText(t *testing.T) {
	t.Parallel()
	db := open(t)
	for text, want := range map[string]string{
		"": "percent lilith backslash under_score", "LILITH": "lilith", "%": "percent", "_": "under_score",
		`\`: "backslash", "'": "",
	} {
		orgs, err := db.Orgs(t.Context(), text, 10)
		if err != nil {
			t.Fatal(err)
		}
		var slugs []string
		for _, org := range orgs {
			slugs = append(slugs, org.Slug)
		}
		if got := strings.Join(slugs, " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if orgs, err := db.Orgs(t.Context(), "", 2); len(orgs) != 2 || err != nil {
		t.Errorf("at most two: %v, %v", orgs, err)
	}
	if slug, err := db.EmailTaken(t.Context(), "quinn@example.COM"); slug != "quinn" || err != nil {
		t.Errorf("an address in another case: %q, %v", slug, err)
	}
}

func TestNothingShowsThePassword(t *testing.T) {
	t.Parallel()
	config := platform.Config{DatabaseURL: secret.New("postgres://me:hush@127.0.0.1:1/platform?connect_timeout=1"),
		AppRole: "app"}
	db, err := platform.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	_, err = db.Tenant(t.Context(), "quinn")
	findings := db.Check(t.Context())
	if err == nil || strings.Contains(err.Error(), "hush") || len(findings) != 1 ||
		findings[0].Level != onboarding.Failed || strings.Contains(findings[0].Detail, "hush") {
		t.Errorf("%v, %+v", err, findings)
	}
}

func TestSessionsTakeOnTheAppRole(t *testing.T) {
	t.Parallel()
	c := config(t)
	conn, err := pgx.Connect(t.Context(), c.DatabaseURL.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(t.Context(), `CREATE ROLE authenticated;
		CREATE ROLE authenticator LOGIN NOINHERIT IN ROLE authenticated`)
	if err != nil {
		t.Fatal(err)
	}
	c.AppRole, c.LoginRole = "authenticated", "authenticator"
	c.Switcher = "SELECT session_user || ' as ' || current_user || $1"
	c.AppDatabaseURL = secret.New(postgres.Shared(t).DSNAs("authenticator", conn.Config().Database))
	db, err := platform.New(c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var who []string
	err = db.Try(t.Context(), func(s *platform.Session) error {
		who, err = s.Switcher(t.Context(), "")
		return err
	})
	if diff := cmp.Diff([]string{"authenticator as authenticated"}, who); err != nil || diff != "" {
		t.Error(err, diff)
	}
}
