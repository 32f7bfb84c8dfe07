package isolation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

func TestCheckExpression(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"r.path[2]": "",
		"(SELECT d.holder FROM private.devices d WHERE d.serial = r.serial)": "",
		"pg_catalog.lower(r.name)":            "",
		"":                                    "parse SQL",
		"r.id --":                             "parse SQL",
		"r.id), (r.name":                      "is not one expression",
		"r.id) FROM public.users WHERE (true": "is not one expression",
		"r.id) UNION SELECT (r.name":          "is not one expression",
		"r.id); DROP TABLE users; SELECT (1":  "is more than one statement",
		"set_config('default_transaction_read_only', 'off', false)":     "calls set_config",
		"(SELECT pg_catalog.pg_terminate_backend(r.id))":                "calls pg_terminate_backend",
		"(SELECT id FROM public.users FOR UPDATE)":                      "does more than read",
		"(WITH d AS (DELETE FROM users RETURNING id) SELECT id FROM d)": "does more than read",
		strings.Repeat("x", 4001):                                       "is longer than 4000 bytes",
	} {
		if got := tenancy.CheckExpression(sql); got != want && (want == "" || !strings.HasPrefix(got, want)) {
			t.Errorf("%.80s: %q, want %q", sql, got, want)
		}
	}
}

func TestCheckQuery(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"SELECT l.token FROM public.logins l WHERE l.user_id = person.id ORDER BY 1 LIMIT 1": "",
		"VALUES ('app')":                                    "",
		"SELECT 1;":                                         "parse SQL",
		"SELECT 1) q, (SELECT 2":                            "is not one query",
		"SELECT 1) q WHERE (true":                           "parse SQL",
		"SELECT 1) q UNION SELECT * FROM (SELECT 2":         "is not one query",
		"SELECT 1) q; RESET ROLE; SELECT (SELECT (1":        "parse SQL",
		"SELECT set_config('row_security', 'on', false)":    "calls set_config",
		"DELETE FROM public.logins RETURNING token":         "parse SQL",
		"SELECT token INTO public.taken FROM public.logins": "does more than read",
	} {
		if got := tenancy.CheckQuery(sql); got != want && (want == "" || !strings.HasPrefix(got, want)) {
			t.Errorf("%.80s: %q, want %q", sql, got, want)
		}
	}
}

func TestSessionsNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	err := isolation.Config{
		DatabaseURL: "postgres://auditor@db/platform", AppRole: "app",
		Settings: isolation.Settings{User: "app.user_id", UserWritten: []string{"profile"}},
		Sessions: isolation.Sessions{Roles: []string{"app"}, UserQuery: "SELECT 1; SELECT 2"},
		Tables: map[string]isolation.Table{"public.files": {UserSQL: "r.id; SELECT 1", User: "user_id", Both: true,
			Writers: "DELETE FROM public.shares"}},
	}.Validate()
	want := []string{
		`tables["public.files"]: both needs user and org, or user_sql and org_sql`,
		`tables["public.files"]: user_sql contradicts user, and org_sql contradicts org`,
		`tables["public.files"].user_sql: parse SQL: `,
		`tables["public.files"].writers: parse SQL: `,
		"settings.user_written[0]: no template is a JSON object that could have such a member",
		"sessions: roles and role_query need login_role: the role that app_database_url logs in as",
		"sessions.roles[0]: want a role other than app_role and login_role",
		"sessions.user_query: parse SQL: ",
	}
	got := strings.Split(err.Error(), "\n")
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got\n%s\nwant\n%s", err, strings.Join(want, "\n"))
	}
}
