package session

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// DialerConfig says how to open sessions of the app role.
type DialerConfig struct {
	// App logs in as the app role.
	App      *pgx.ConnConfig
	AppRole  string
	Settings Settings
	Budget   Budget
}

// Dialer opens sessions that logged in as the app role. Whatever the platform's code does in such
// a session, RESET ROLE included, it has the rights of the app role and no more.
type Dialer struct {
	config DialerConfig
	first  *Conn // that showed the role, for the attempts
}

// What keeps a role from being the truth.
var (
	errRowSecurity = errors.New("its role has no BYPASSRLS, so policies would hide rows from it")
	errSuperuser   = errors.New("its role is a superuser: use one with BYPASSRLS and pg_read_all_data, which " +
		"docs/install.md creates")
)

const roleSQL = `
SELECT rolname::text, rolsuper, rolbypassrls, EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
       EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'MEMBER'))
  FROM pg_roles WHERE rolname = current_user`

// NewDialer returns a dialer once it has opened a session. truth is a connection of the role that
// row-level security does not apply to. An error begins with the configuration key that it is
// about.
func NewDialer(ctx context.Context, truth query.Querier, config DialerConfig) (*Dialer, error) {
	d := &Dialer{config: config}
	var truthRole string
	var super, bypass, exists, member bool
	err := truth.QueryRow(ctx, roleSQL, config.AppRole).Scan(&truthRole, &super, &bypass, &exists, &member)
	switch {
	case err != nil:
		return nil, fmt.Errorf("database_url: %w", err)
	case !exists:
		return nil, fmt.Errorf("app_role: no role %q", config.AppRole)
	case super:
		return nil, fmt.Errorf("database_url: %w", errSuperuser)
	case !bypass:
		return nil, fmt.Errorf("database_url: %w", errRowSecurity)
	case member:
		return nil, fmt.Errorf("database_url: its role is a member of app_role: REVOKE %s FROM %s",
			query.Name(config.AppRole), query.Name(truthRole))
	}
	return d, d.verify(ctx)
}

// Use changes the settings that carry the identity of the sessions to come.
func (d *Dialer) Use(s Settings) { d.config.Settings = s }

// verify opens a session and asks who it is.
func (d *Dialer) verify(ctx context.Context) error {
	c, err := d.Open(ctx)
	if err != nil {
		return err
	}
	var login, role string
	err = c.conn.QueryRow(ctx, "SELECT session_user::text, current_user::text").Scan(&login, &role)
	key, expected := "app_role", d.config.AppRole
	if named := d.config.Settings.Opening.LoginRole; named != "" {
		key, expected = "login_role", named
	}
	if err == nil && (login != expected || role != d.config.AppRole) {
		err = fmt.Errorf("app_database_url: logs in as %q, not as %s %q", login, key, expected)
	}
	if err == nil {
		err = d.verifyRoles(ctx, c)
	}
	if err != nil {
		c.Close(ctx)
		return err
	}
	d.first = c
	return nil
}

// verifyRoles tries whether the login may take on each role. What its sessions run could give up a
// role that was only set, so the login must have no rights to lose.
func (d *Dialer) verifyRoles(ctx context.Context, c *Conn) error {
	opening := d.config.Settings.Opening
	if opening.LoginRole == "" {
		return nil
	}
	var above bool
	err := c.conn.QueryRow(ctx, "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = session_user").
		Scan(&above)
	if err == nil && above {
		err = fmt.Errorf("login_role: %q is a superuser or has BYPASSRLS, and what a session runs can become it: "+
			"use a login without either", opening.LoginRole)
	}
	for _, role := range opening.Roles {
		if err != nil {
			return err
		}
		if set := query.Exec(ctx, c.conn, "BEGIN;SET LOCAL ROLE "+query.Name(role)+";ROLLBACK"); set != nil {
			err = errors.Join(fmt.Errorf("sessions.roles: %q cannot be taken on: %w", role, set),
				query.Exec(ctx, c.conn, "ROLLBACK"))
		}
	}
	return err
}

// sessionParameters are settings that a session of the app role starts with.
func sessionParameters(b Budget) map[string]string {
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	return map[string]string{
		"application_name":                    "onboardbot isolation",
		"jit":                                 "off", // most statements run once
		"statement_timeout":                   milliseconds(b.StatementTimeout),
		"lock_timeout":                        milliseconds(b.LockTimeout),
		"idle_in_transaction_session_timeout": "5min",
	}
}

// Open returns a connection of the app role on which no identity was ever set.
func (d *Dialer) Open(ctx context.Context) (*Conn, error) {
	config := d.config.App.Copy()
	for name, value := range sessionParameters(d.config.Budget) {
		config.RuntimeParams[name] = value
	}
	c := &Conn{dialer: d}
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { c.heard.add(n) }
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("app_database_url: connect as %s: %w", d.config.AppRole, err)
	}
	c.conn = conn
	if d.config.Settings.Opening.LoginRole != "" {
		if err := query.Exec(ctx, conn, "SET ROLE "+query.Name(d.config.AppRole)); err != nil {
			c.Close(ctx)
			return nil, fmt.Errorf("login_role: %q cannot take on app_role %q: %w", d.config.Settings.Opening.LoginRole,
				d.config.AppRole, err)
		}
	}
	return c, nil
}
