package isolation_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// TestAttemptsHoldNothing has an attempt that fails, whose rollback is left to the next one, one
// that reaches no row and one that reaches two. After each, nothing is locked or changed. Run all
// in one message before, they come to the same.
func TestAttemptsHoldNothing(t *testing.T) {
	t.Parallel()
	s := onBase(t, "v3")
	truth, err := pgx.Connect(t.Context(), s.cfg.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer truth.Close(t.Context())
	app, err := pgx.ParseConfig(s.cfg.AppDatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	dialer, err := session.NewDialer(t.Context(), truth, session.DialerConfig{
		App: app, AppRole: s.role, Settings: s.cfg.Settings, Budget: s.cfg.Budget.WithDefaults(),
	})
	if err != nil {
		t.Fatal(err)
	}
	attempts := session.NewAttempts(dialer)
	defer attempts.Close(t.Context())
	id := "00000000-0000-4000-8000-00000000000a"
	person := session.Session{Kind: session.Person, User: &id, Org: new("")}
	const change, none = "UPDATE bookings SET title = 'changed'", "DELETE FROM bookings WHERE title = ''"
	together := []string{none, change, "DELETE FROM nowhere", none + " "}
	if err := attempts.TouchAll(t.Context(), person, together); err != nil {
		t.Fatal(err)
	}

	for _, attempt := range []struct {
		as      session.Session
		sql     string
		touched int
		state   string
	}{
		{session.Empty, "INSERT INTO bookings (user_id, title) VALUES ('" + id + "', 'x')", 0,
			query.InsufficientPrivilege},
		{session.Empty, change, 0, ""},
		{session.Empty, "DELETE FROM nowhere", 0, query.UndefinedTable},
		{person, change, 2, ""},
		{person, none, 0, ""},
		{person, "DELETE FROM nowhere", 0, query.UndefinedTable},
		{person, none + " ", 0, ""},
	} {
		touched := 0
		err := attempts.Touch(t.Context(), attempt.as, attempt.sql, func(_ *session.Tx, rows int) error {
			touched += rows
			return nil
		})
		if touched != attempt.touched || query.SQLState(err) != attempt.state {
			t.Errorf("%s: touched %d, want %d; %v", attempt.sql, touched, attempt.touched, err)
		}
		s.exec(t, "BEGIN; SET LOCAL lock_timeout = '1s'; LOCK TABLE bookings; ROLLBACK")
	}
	var changed int
	err = truth.QueryRow(t.Context(), "SELECT count(*) FROM public.bookings WHERE title IN ('changed', 'x')").Scan(&changed)
	if err != nil || changed != 0 {
		t.Errorf("%d rows are changed (%v)", changed, err)
	}
}
