package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// DialerConfig says how to open sessions of the app role.
type DialerConfig struct {
	// Truth connects as a role that row-level security does not apply to.
	Truth *pgx.ConnConfig
	// App logs in as the app role. nil: Truth's role becomes the app role.
	App      *pgx.ConnConfig
	AppRole  string
	Settings Settings
	Budget   Budget
}

// Dialer opens sessions of the app role.
type Dialer struct {
	config    DialerConfig
	truthRole string
	super     bool      // Truth's role may become the app role to the point of session_user
	member    bool      // Truth's role may become the app role at all
	defaults  []Setting // ALTER ROLE app_role SET, which a login applies
	first     *Conn     // that showed the role, for the attempts; nil if they cannot use it
}

// errRowSecurity means that policies hide rows from the truth itself.
var errRowSecurity = errors.New("its role is neither superuser nor has BYPASSRLS, so policies would hide rows from it")

const roleSQL = `
SELECT rolname::text, rolsuper, rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
       EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'MEMBER'))
  FROM pg_roles WHERE rolname = current_user`

// NewDialer returns a dialer once it has opened a session. truth is a connection of
// config.Truth. An error begins with the configuration key that it is about.
func NewDialer(ctx context.Context, truth query.Querier, config DialerConfig) (*Dialer, error) {
	config.Truth = config.Truth.Copy()
	config.Truth.DefaultQueryExecMode = pgx.QueryExecModeExec
	for _, own := range []string{"row_security", "statement_timeout", "lock_timeout"} {
		delete(config.Truth.RuntimeParams, own)
	}
	d := &Dialer{config: config}
	var bypass, exists bool
	err := truth.QueryRow(ctx, roleSQL, config.AppRole).Scan(&d.truthRole, &d.super, &bypass, &exists, &d.member)
	switch {
	case err != nil:
		return nil, fmt.Errorf("database_url: %w", err)
	case !exists:
		return nil, fmt.Errorf("app_role: no role %q", config.AppRole)
	case !bypass:
		return nil, fmt.Errorf("database_url: %w", errRowSecurity)
	case config.App == nil && !d.member:
		return nil, fmt.Errorf("app_role: the role of database_url may not become %q: "+
			"grant it, or set app_database_url",
			config.AppRole)
	}
	if d.defaults, err = roleDefaults(ctx, truth, config.AppRole); err != nil {
		return nil, err
	}
	return d, d.verify(ctx)
}

// verify opens a session and asks who it is.
func (d *Dialer) verify(ctx context.Context) error {
	c, err := d.Open(ctx)
	if err != nil {
		return err
	}
	var role string
	err = c.conn.QueryRow(ctx, "SELECT current_user::text").Scan(&role)
	if err == nil && role != d.config.AppRole {
		err = fmt.Errorf("app_database_url: logs in as %q, not as app_role %q", role, d.config.AppRole)
	}
	if err != nil || d.config.App != nil && d.member {
		c.Close(ctx)
		return err
	}
	d.first = c
	return nil
}

const roleDefaultsSQL = `
SELECT split_part(s, '=', 1), substr(s, strpos(s, '=') + 1) FROM pg_db_role_setting d, unnest(d.setconfig) s
 WHERE d.setrole = (SELECT oid FROM pg_roles WHERE rolname = $1)
   AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
 ORDER BY d.setdatabase`

// roleDefaults are the settings that a login as the role starts with.
func roleDefaults(ctx context.Context, q query.Querier, role string) ([]Setting, error) {
	rows, err := q.Query(ctx, roleDefaultsSQL, role)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Setting])
}

// TruthRole is the role that row-level security does not apply to.
func (d *Dialer) TruthRole() string { return d.truthRole }

// CanBypassConstraints reports whether the truth can switch off foreign keys inside a session.
func (d *Dialer) CanBypassConstraints() bool { return d.super && d.config.App == nil }

// Inside returns a dialer whose sessions can become the truth again, where that is possible: the
// truth's role becomes the app role even if the app role could log in.
func (d *Dialer) Inside() *Dialer {
	inside := *d
	if d.member {
		inside.config.App = nil
	}
	return &inside
}

// Open returns a connection of the app role on which no identity was ever set.
func (d *Dialer) Open(ctx context.Context) (*Conn, error) {
	config := d.config.App
	if config == nil {
		config = d.config.Truth
	}
	config = config.Copy()
	config.RuntimeParams["application_name"] = "onboardbot isolation"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", d.config.AppRole, err)
	}
	if err := query.Exec(ctx, conn, d.assumeSQL()); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("become role %s: %w", d.config.AppRole, err)
	}
	return &Conn{dialer: d, conn: conn}, nil
}

func (d *Dialer) assumeSQL() string {
	var sql strings.Builder
	if d.config.App == nil {
		for _, s := range d.defaults {
			fmt.Fprintf(&sql, "SELECT set_config(%s, %s, false);", query.Literal(s.Name), query.Literal(s.Value))
		}
		sql.WriteString(d.becomeSQL("SET") + ";")
	}
	fmt.Fprintf(&sql, "SET jit = off; SET statement_timeout = %d; SET lock_timeout = %d; SET "+
		"idle_in_transaction_session_timeout = '5min'",
		d.config.Budget.StatementTimeout.Milliseconds(), d.config.Budget.LockTimeout.Milliseconds())
	return sql.String()
}

func (d *Dialer) becomeSQL(set string) string {
	if d.super {
		return set + " SESSION AUTHORIZATION " + query.Name(d.config.AppRole)
	}
	return set + " ROLE " + query.Name(d.config.AppRole)
}
