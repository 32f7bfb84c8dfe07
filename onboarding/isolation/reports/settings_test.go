package reports

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/schedule"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

func TestSettingsNameWhatIsWrong(t *testing.T) {
	t.Parallel()
	text := func(err error) string {
		if err == nil {
			return ""
		}
		return err.Error()
	}
	for _, c := range []struct {
		what            string
		settings        Settings
		check, schedule string
	}{
		{what: "nothing is needed"},
		{what: "another role", settings: Settings{DatabaseURL: secret.New("postgres://auditor:hush@[::1")},
			check: "database_url: is not a connection string such as postgres://auditor@db.example.com/platform"},
		{what: "a table",
			settings: Settings{Tables: map[string]isolation.Table{"public.plans": {Platform: true, User: "user_id"}}},
			check:    `tables["public.plans"]: platform contradicts user, org or parent`},
		{what: "a budget", settings: Settings{Budget: isolation.Budget{Connections: -1, LockTimeout: -1}},
			check: "budget.connections: must not be negative\nbudget.lock_timeout: must not be negative"},
		{what: "a schedule", settings: Settings{Channel: "C0OPS", Schedule: schedule.Schedule{Cron: "7"}},
			schedule: `schedule.cron: "7" is no schedule such as "0 7 * * *": ` +
				`expected 5 to 6 fields, found 1: [7]`},
		{what: "a zone", settings: Settings{Schedule: schedule.Schedule{TimeZone: "Lisbon"}},
			schedule: `schedule.time_zone: "Lisbon" is not a time zone such as Europe/Lisbon`},
		{what: "a place", settings: Settings{Schedule: schedule.Schedule{Cron: "0 7 * * *"}},
			schedule: "channel: is missing: the id of the channel for scheduled reports, since commands.channels " +
				"names none"},
	} {
		c.settings.Defaults("")
		if got := text(c.settings.Validate("")); got != c.check {
			t.Errorf("%s: %s", c.what, got)
		}
		if got := text(c.settings.ValidateSchedule()); got != c.schedule {
			t.Errorf("%s: %s", c.what, got)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		given   Settings
		channel string
		want    Settings
	}{
		{Settings{}, "", Settings{Schedule: schedule.Schedule{Cron: "never", TimeZone: "UTC"}}},
		{Settings{}, "C0OPS", Settings{Channel: "C0OPS",
			Schedule: schedule.Schedule{Cron: "0 7 * * *", TimeZone: "UTC"}}},
		{Settings{Channel: "C0SEC", Schedule: schedule.Schedule{Cron: "never", TimeZone: "Europe/Lisbon"}}, "C0OPS",
			Settings{Channel: "C0SEC", Schedule: schedule.Schedule{Cron: "never", TimeZone: "Europe/Lisbon"}}},
	} {
		c.given.Defaults(c.channel)
		c.want.Budget = isolation.Budget{}.WithDefaults()
		if diff := cmp.Diff(c.want, c.given, cmp.AllowUnexported(secret.String{})); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

func TestWhatIsChecked(t *testing.T) {
	t.Parallel()
	known := platform.Config{DatabaseURL: secret.New("postgres://onboarder@db/platform"), AppRole: "app",
		AppDatabaseURL: secret.New("postgres://app@db/platform")}
	known.Settings.User = "me.id"
	want := isolation.Config{DatabaseURL: "postgres://onboarder@db/platform", AppRole: "app",
		AppDatabaseURL: "postgres://app@db/platform",
		Settings: isolation.Settings{User: "me.id",
			Org: "app.org_id"}, ExcusedFunctions: []string{"public.slow"}}
	settings := Settings{ExcusedFunctions: []string{"public.slow"}}
	if diff := cmp.Diff(want, settings.Config(known)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	settings.DatabaseURL = secret.New("postgres://auditor@db/platform")
	want.DatabaseURL = "postgres://auditor@db/platform"
	if diff := cmp.Diff(want, settings.Config(known)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestNamesOfThePlatform(t *testing.T) {
	t.Parallel()
	known := platform.Config{DatabaseURL: secret.New("postgres://onboarder@db/platform"), AppRole: "app"}
	known.Users.Table, known.Orgs.ID, known.Members.Table = "people", "nr", "firms.staff"
	want := isolation.Config{DatabaseURL: "postgres://onboarder@db/platform", AppRole: "app",
		Settings: isolation.Settings{User: "app.user_id", Org: "app.org_id"},
		Users:    isolation.Tenants{Table: "public.people", ID: "id"}, Orgs: isolation.Tenants{Table: "public.orgs",
			ID: "nr"}, Membership: isolation.Membership{Table: "firms.staff"}}
	settings := Settings{}
	if diff := cmp.Diff(want, settings.Config(known)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	settings.Users.Table, want.Users = "public.persons", isolation.Tenants{Table: "public.persons"}
	if diff := cmp.Diff(want, settings.Config(known)); diff != "" {
		t.Errorf("what is said of the check itself goes first (-want +got)\n%s", diff)
	}
}

// checker answers about one tenant.
type checker func(isolation.Options) (*isolation.Report, error)

func (c checker) Check(_ context.Context, options isolation.Options) (*isolation.Report, error) {
	return c(options)
}

func (c checker) Ready(context.Context) ([]string, error) {
	_, err := c(isolation.Options{})
	return nil, err
}

func TestTenant(t *testing.T) {
	t.Parallel()
	report := saying([]string{"leak read a", "risk update b"}, "c: timed out")
	for i := range report.Findings {
		report.Findings[i].As, report.Findings[i].Evidence = "nobody", "saw it"
	}
	report.Coverage.Reads, report.Coverage.Tables, report.Coverage.WriteAttempts = 3, 2, 1
	broken := errors.New("no route")
	turn := NewTurn(newFixture(t).pool)
	tenant := NewTenantCheck(checker(func(options isolation.Options) (*isolation.Report, error) {
		if options.Tenant != "merche-biche" {
			return nil, broken
		}
		return report, nil
	}), turn)
	want := []onboarding.Finding{
		{Level: onboarding.Failed, Name: "leak: read of a", Detail: "nobody: saw it"},
		{Level: onboarding.Warning, Name: "risk: update of b", Detail: "nobody: saw it"},
		{Level: onboarding.Warning, Name: "not checked", Detail: "c: timed out",
			Fix: "Correct the table, or excuse it, in the section isolation of the configuration."},
	}
	got, err := tenant.Check(t.Context(), "merche-biche")
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	report.Findings = nil
	want = append([]onboarding.Finding{{Level: onboarding.OK, Name: "merche-biche against all others",
		Detail: "no session reached another tenant's row in 3 reads of 2 tables and 1 write attempts"}}, want[2])
	if got, err = tenant.Check(t.Context(), "merche-biche"); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%v (-want +got)\n%s", err, cmp.Diff(want, got))
	}
	if _, err := tenant.Check(t.Context(), "nobody"); !errors.Is(err, broken) {
		t.Errorf("an error became %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	turn.waiting <- struct{}{}
	if _, err := tenant.Check(gone, "merche-biche"); !errors.Is(err, context.Canceled) {
		t.Errorf("it did not wait: %v", err)
	}
}

// TestTheConnectionBreaks breaks the connection of a check in ways that pgx tells by different
// errors, which hold these texts.
func TestTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	for text, breaks := range map[string]func(conn *pgx.Conn) error{
		"terminating connection": func(conn *pgx.Conn) error {
			_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
			return err
		},
		"broken pipe": func(conn *pgx.Conn) error {
			return conn.PgConn().Conn().(interface{ CloseWrite() error }).CloseWrite()
		},
		"": func(conn *pgx.Conn) error {
			return conn.PgConn().Conn().(interface{ CloseRead() error }).CloseRead()
		},
		"use of closed network connection": func(conn *pgx.Conn) error { return conn.PgConn().Conn().Close() },
		"conn closed":                      func(conn *pgx.Conn) error { return conn.Close(t.Context()) },
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			d := &fixture{t: t, pool: d.pool, store: d.store, announced: make(chan Record, 1)}
			check := checker(func(isolation.Options) (*isolation.Report, error) {
				conn, err := pgx.ConnectConfig(t.Context(), d.pool.Config().ConnConfig)
				must(t, err)
				defer conn.Close(t.Context())
				if err = breaks(conn); err == nil {
					_, err = conn.Exec(t.Context(), `SELECT 1`)
				}
				return nil, fmt.Errorf("reads: %w", err)
			})
			_, err := NewTenantCheck(check, NewTurn(d.pool)).Check(t.Context(), "merche-biche")
			const sentence = "isolation of merche-biche: the connection to the platform's database broke, and the check " +
				"changed nothing: make sure that the server runs, then retry (reads: "
			if err == nil || !strings.HasPrefix(err.Error(), sentence) || !strings.Contains(err.Error(), text) {
				t.Errorf("the step says %v", err)
			}
			request := Request{ID: uuid.New(), Channel: "C0OPS"}
			must(t, NewWorker(d.store, NewTurn(d.pool), check, d).report(t.Context(), request, true))
			record := <-d.announced
			want := "the connection broke; the server may have been restarted"
			if text == "terminating connection" {
				want = "terminating connection due to administrator command (SQLSTATE 57P01)"
			}
			if record.Problem != want {
				t.Errorf("the report says %q", record.Problem)
			}
		})
	}
}
