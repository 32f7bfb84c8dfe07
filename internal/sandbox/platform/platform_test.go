package platform_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/internal/sandbox/platform"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// Tenants of seed.sql.
const (
	quinn     = "11111111-1111-4111-8111-111111111111"
	cocotte   = "22222222-2222-4222-8222-222222222222"
	sansonnet = "33333333-3333-4333-8333-333333333333"
	trans     = "44444444-4444-4444-8444-444444444444"
	lilithOrg = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	cocoOrg   = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
)

var create = sync.OnceValue(func() error { return platform.Create(context.Background(), server) })

var server *postgres.Server

// as begins a transaction as a role with an identity, and rolls it back after the test.
func as(t *testing.T, role, user, org string) pgx.Tx {
	t.Helper()
	server = postgres.Shared(t)
	if err := create(); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), server.DSNAs(role, platform.Database))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	identify(t, tx, user, org)
	return tx
}

func identify(t *testing.T, tx pgx.Tx, user, org string) {
	t.Helper()
	if _, err := tx.Exec(t.Context(), "SELECT set_config('app.user_id', $1, true), set_config('app.org_id', $2, true)",
		user, org); err != nil {
		t.Fatal(err)
	}
}

// column is the one column that a query returns.
func column(t *testing.T, tx pgx.Tx, query string, args ...any) []string {
	t.Helper()
	rows, err := tx.Query(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// view is what the application sees in six tables: who is in users, orgs and members, and whose
// rows in the other three.
type view struct{ Users, Orgs, Members, Bookings, Messages, Events []string }

func TestTheAppSeesItsTenantAlone(t *testing.T) {
	whose := func(names ...string) view {
		return view{Bookings: names, Messages: names, Events: names}
	}
	quinns := view{Users: []string{"quinn"}, Orgs: []string{"lilith"}, Members: []string{"quinn", "transquinnftw"}}
	cases := map[string]struct {
		user, org string
		want      view
	}{
		"nobody":             {"", "", view{}},
		"malformed":          {"x' OR true --", "%", view{}},
		"unknown":            {"99999999-9999-4999-8999-999999999999", lilithOrg, view{}},
		"an org and no user": {"", cocoOrg, view{}},
		"person":             {quinn, "", merge(quinns, whose("Quinn"))},
		"owner in their org": {quinn, lilithOrg, merge(quinns, whose("Quinn", "lilith"))},
		"another's org":      {quinn, cocoOrg, merge(quinns, whose("Quinn"))},
		"malformed org":      {quinn, "lilith", merge(quinns, whose("Quinn"))},
		"member in their org": {sansonnet, cocoOrg,
			merge(view{Users: []string{"sansonnet"}, Orgs: []string{"cocotte"},
				Members: []string{"cocotte", "sansonnet"}}, whose("Sansonnet", "cocotte"))},
		"member as themselves": {sansonnet, "",
			merge(view{Users: []string{"sansonnet"}, Orgs: []string{"cocotte"},
				Members: []string{"cocotte", "sansonnet"}}, whose("Sansonnet"))},
	}
	slugs := map[string]string{quinn: "quinn", cocotte: "cocotte", sansonnet: "sansonnet", trans: "transquinnftw"}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tx := as(t, platform.App, c.user, c.org)
			var got view
			got.Users = column(t, tx, "SELECT slug FROM users ORDER BY 1")
			got.Orgs = column(t, tx, "SELECT slug FROM orgs ORDER BY 1")
			for _, id := range column(t, tx, "SELECT user_id::text FROM org_members ORDER BY 1") {
				got.Members = append(got.Members, slugs[id])
			}
			for table, rows := range map[string]*[]string{"bookings": &got.Bookings, "inbox_messages": &got.Messages,
				"analytics_events": &got.Events} {
				*rows = column(t, tx, `SELECT DISTINCT coalesce(o.slug, u.display_name) FROM `+table+` r
					LEFT JOIN orgs o ON o.id = r.org_id LEFT JOIN users u ON u.id = r.user_id ORDER BY 1`)
			}
			if diff := cmp.Diff(c.want, got,
				cmp.Transformer("nonil", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func merge(people, rows view) view {
	people.Bookings, people.Messages, people.Events = rows.Bookings, rows.Messages, rows.Events
	return people
}

const denied = "42501" // insufficient_privilege, which row-level security raises as well

func TestTheAppCannotWriteAcrossTenants(t *testing.T) {
	cases := map[string]struct {
		sql  string
		rows int64  // affected when it is let through
		code string // or the error
	}{
		"insert for another person": {sql: "INSERT INTO bookings (user_id, client, starts_at) VALUES ('" +
			cocotte + "', 'x', now())", code: denied},
		"insert for another org": {sql: "INSERT INTO bookings (user_id, org_id, client, starts_at) VALUES ('" +
			quinn + "', '" + cocoOrg + "', 'x', now())", code: denied},
		"insert for oneself": {sql: "INSERT INTO bookings (user_id, client, starts_at) VALUES ('" + quinn +
			"', 'x', now())", rows: 1},
		"insert for the own org": {sql: "INSERT INTO inbox_messages (user_id, org_id, sender, body) VALUES ('" +
			trans + "', '" + lilithOrg + "', 'x', 'x')", rows: 1},
		"update another's": {sql: "UPDATE bookings SET client = 'x' WHERE user_id = '" + cocotte + "'"},
		"give own rows away": {sql: "UPDATE bookings SET user_id = '" + cocotte + "' WHERE org_id IS NULL",
			code: denied},
		"delete another's": {sql: "DELETE FROM analytics_events WHERE org_id = '" + cocoOrg + "'"},
		"join another's org": {sql: "INSERT INTO org_members (org_id, user_id, role) VALUES ('" + cocoOrg +
			"', '" + quinn + "', 'owner')", code: denied},
		"make oneself owner":    {sql: "UPDATE orgs SET owner_id = '" + quinn + "'", code: denied},
		"rename another person": {sql: "UPDATE users SET display_name = 'x' WHERE slug = 'cocotte'"},
		"open an org in another's name": {sql: "INSERT INTO orgs (slug, name, owner_id) VALUES ('x', 'x', '" +
			cocotte + "')", code: denied},
		"become the onboarder":           {sql: "SET ROLE onboarder", code: denied},
		"become the reader of everybody": {sql: "SET ROLE platform_membership", code: denied},
		"let a person into the own org": {sql: "INSERT INTO org_members (org_id, user_id, role) VALUES ('" +
			lilithOrg + "', '" + cocotte + "', 'member')", rows: 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tag, err := as(t, platform.App, quinn, lilithOrg).Exec(t.Context(), c.sql)
			if code := code(err); code != c.code || tag.RowsAffected() != c.rows {
				t.Errorf("got %d rows and error %q (%v), want %d and %q", tag.RowsAffected(), code, err, c.rows, c.code)
			}
		})
	}
}

func code(err error) string {
	if failure := (*pgconn.PgError)(nil); errors.As(err, &failure) {
		return failure.Code
	}
	return ""
}

func TestContextSwitcherShowsWhoJoined(t *testing.T) {
	tx := as(t, platform.Onboarder, "", "")
	if _, err := tx.Exec(t.Context(), "INSERT INTO org_members (org_id, user_id, role) VALUES ($1, $2, 'member')",
		lilithOrg, sansonnet); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE platform_app"); err != nil {
		t.Fatal(err)
	}
	const people = "SELECT slug FROM org_people($1)"
	for user, want := range map[string][]string{
		quinn:     {"quinn", "sansonnet", "transquinnftw"},
		sansonnet: {"quinn", "sansonnet", "transquinnftw"},
		cocotte:   {},
		"":        {},
	} {
		identify(t, tx, user, lilithOrg)
		if diff := cmp.Diff(want, column(t, tx, people, lilithOrg)); diff != "" {
			t.Errorf("as %q: %s", user, diff)
		}
	}
}

func TestTheOnboarder(t *testing.T) {
	cases := map[string]struct {
		sql  string
		rows int64
		code string
	}{
		"reads every tenant":  {sql: "SELECT FROM users", rows: 4},
		"reads every booking": {sql: "SELECT FROM bookings", rows: 40},
		"adds a person": {sql: "INSERT INTO users (id, slug, email, display_name) VALUES " +
			"(gen_random_uuid(), 'merche-biche', 'merche@example.com', 'Merche Biche') RETURNING id", rows: 1},
		"cannot backdate": {sql: "INSERT INTO users (slug, email, display_name, created_at) VALUES " +
			"('merche-biche', 'm@example.com', 'M', '2020-01-01')", code: denied},
		"cannot change a tenant":    {sql: "UPDATE users SET slug = 'x'", code: denied},
		"cannot touch bookings":     {sql: "DELETE FROM bookings", code: denied},
		"cannot take old rows back": {sql: "DELETE FROM org_members"},
		"becomes the app":           {sql: "SET ROLE platform_app"},
		"does not own":              {sql: "ALTER TABLE users DISABLE ROW LEVEL SECURITY", code: denied},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			tag, err := as(t, platform.Onboarder, "", "").Exec(t.Context(), c.sql)
			if code := code(err); code != c.code || tag.RowsAffected() != c.rows {
				t.Errorf("got %d rows and error %q (%v), want %d and %q", tag.RowsAffected(), code, err, c.rows, c.code)
			}
		})
	}
}

func TestTheOwnerIsForced(t *testing.T) {
	tx := as(t, postgres.Superuser, "", "")
	if _, err := tx.Exec(t.Context(), "SET LOCAL ROLE platform_owner"); err != nil {
		t.Fatal(err)
	}
	if got := column(t, tx, "SELECT slug FROM users"); len(got) != 0 {
		t.Errorf("the owner sees %v", got)
	}
}
