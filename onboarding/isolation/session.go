package isolation

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// session is an attacker: who they are, what the settings say, and to whom they really belong.
type session struct {
	Label string
	// Values of the settings; nil leaves one unset, which on a fresh connection differs from empty.
	User, Org *string
	Extra     []setting // other custom settings, which are anybody's to choose
	Role      string    // taken on with SET ROLE; empty: the app role itself
	// The truth about them.
	Person      *string
	Orgs, Mates []string
}

type setting struct{ Name, Value string }

func ref(s string) *string { return &s }

// door opens sessions of the app role.
type door struct {
	cfg      Config
	admin    *pgx.ConnConfig
	app      *pgx.ConnConfig // nil: over admin
	truth    string          // the admin's role
	super    bool            // the admin may become the app role to the point of session_user
	member   bool            // the admin may become the app role at all
	defaults []setting       // ALTER ROLE app_role SET, which a login would have applied
}

// open returns a connection that is a session of the app role in which no identity was ever set.
func (d *door) open(ctx context.Context) (*pgx.Conn, error) {
	cfg := d.app
	if cfg == nil {
		cfg = d.admin
	}
	cfg = cfg.Copy()
	cfg.RuntimeParams["application_name"] = "onboardbot isolation"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", d.cfg.AppRole, err)
	}
	if err := d.assume(ctx, conn); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("take on role %s: %w", d.cfg.AppRole, err)
	}
	return conn, nil
}

func (d *door) assume(ctx context.Context, conn *pgx.Conn) error {
	var sql strings.Builder
	if d.app == nil {
		for _, s := range d.defaults {
			fmt.Fprintf(&sql, "SELECT set_config(%s, %s, false);", literal(s.Name), literal(s.Value))
		}
		sql.WriteString(d.become("SET"))
	}
	fmt.Fprintf(&sql, ";SET jit = off; SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = '5min'",
		d.cfg.Budget.StatementTimeout.Milliseconds(), d.cfg.Budget.LockTimeout.Milliseconds())
	return exec(ctx, conn, sql.String())
}

func (d *door) become(set string) string {
	if d.super {
		return set + " SESSION AUTHORIZATION " + pgx.Identifier{d.cfg.AppRole}.Sanitize()
	}
	return set + " ROLE " + pgx.Identifier{d.cfg.AppRole}.Sanitize()
}

// asTruth runs f with the rights of DatabaseURL inside an attacker's transaction. It reports false when the session logged in as the app
// role and has no way back.
func (d *door) asTruth(ctx context.Context, conn *pgx.Conn, s session, f func() error) (bool, error) {
	if d.app != nil {
		return false, nil
	}
	back := "SET LOCAL ROLE NONE"
	if d.super {
		back = "SET LOCAL SESSION AUTHORIZATION DEFAULT"
	}
	if err := exec(ctx, conn, back); err != nil {
		return true, err
	}
	if err := f(); err != nil {
		return true, err
	}
	return true, exec(ctx, conn, d.become("SET LOCAL")+s.setRole())
}

func (s session) setRole() string {
	if s.Role == "" {
		return ""
	}
	return "; SET LOCAL ROLE " + pgx.Identifier{s.Role}.Sanitize()
}

// enter renders the statements that make a transaction this session's.
func (s session) enter(names Settings) string {
	var sql strings.Builder
	set := func(name string, value *string) {
		if name != "" && value != nil {
			fmt.Fprintf(&sql, "SELECT set_config(%s, %s, true);", literal(name), literal(*value))
		}
	}
	set(names.User, s.User)
	set(names.Org, s.Org)
	for _, e := range s.Extra {
		set(e.Name, &e.Value)
	}
	if s.Role != "" {
		fmt.Fprintf(&sql, "SET LOCAL ROLE %s;", pgx.Identifier{s.Role}.Sanitize())
	}
	return sql.String()
}

// virgin reports whether the session must run where no identity was ever set.
func (s session) virgin() bool { return s.User == nil || s.Org == nil }

// exec runs statements by the simple protocol: several at once, without preparing.
func exec(ctx context.Context, conn *pgx.Conn, sql string) error {
	_, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// within runs f in a transaction of the session that is always rolled back.
func within(ctx context.Context, conn *pgx.Conn, names Settings, s session, readOnly bool, f func() error) error {
	begin := "BEGIN;"
	if readOnly {
		begin = "BEGIN READ ONLY;"
	}
	err := exec(ctx, conn, begin+s.enter(names))
	if err == nil {
		err = f()
	}
	if rollback := exec(context.WithoutCancel(ctx), conn, "ROLLBACK"); rollback != nil && err == nil {
		err = rollback
	}
	return err
}

// timedOut is the SQLSTATE query_canceled, which statement_timeout raises.
const timedOut = "57014"

func sqlstate(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

var quoted = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// describe says what went wrong without repeating values of rows, which messages may quote.
func describe(err error) string {
	var pg *pgconn.PgError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &pg):
		switch pg.Code[:2] {
		case "42", "57", "55", "53", "08", "25", "40", "28", "3D", "3F", "0A":
			return fmt.Sprintf("%s (SQLSTATE %s)", pg.Message, pg.Code)
		case "P0":
			return fmt.Sprintf("%s (SQLSTATE %s)", quoted.ReplaceAllString(pg.Message, "…"), pg.Code)
		}
		return "SQLSTATE " + pg.Code
	case errors.Is(err, context.Canceled):
		return "cancelled"
	case errors.Is(err, context.DeadlineExceeded):
		return "ran out of time"
	case pgconn.Timeout(err):
		return "timed out"
	}
	return err.Error()
}
