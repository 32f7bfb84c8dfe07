package session

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// door opens sessions of the app role.
type Dialer struct {
	Role     string
	Budget   Budget
	Admin    *pgx.ConnConfig
	App      *pgx.ConnConfig // nil: over admin
	Truth    string          // the admin's role
	Super    bool            // the admin may become the app role to the point of session_user
	Member   bool            // the admin may become the app role at all
	defaults []Setting       // ALTER ROLE app_role SET, which a login would have applied
}

// open returns a connection that is a session of the app role in which no identity was ever set.
func (d *Dialer) Open(ctx context.Context) (*pgx.Conn, error) {
	cfg := d.App
	if cfg == nil {
		cfg = d.Admin
	}
	cfg = cfg.Copy()
	cfg.RuntimeParams["application_name"] = "onboardbot isolation"
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect as %s: %w", d.Role, err)
	}
	if err := d.assume(ctx, conn); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("take on role %s: %w", d.Role, err)
	}
	return conn, nil
}

func (d *Dialer) assume(ctx context.Context, conn *pgx.Conn) error {
	var sql strings.Builder
	if d.App == nil {
		for _, s := range d.defaults {
			fmt.Fprintf(&sql, "SELECT set_config(%s, %s, false);", query.Literal(s.Name), query.Literal(s.Value))
		}
		sql.WriteString(d.become("SET"))
	}
	fmt.Fprintf(&sql, ";SET jit = off; SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = '5min'",
		d.Budget.StatementTimeout.Milliseconds(), d.Budget.LockTimeout.Milliseconds())
	return query.Exec(ctx, conn, sql.String())
}

func (d *Dialer) become(set string) string {
	if d.Super {
		return set + " SESSION AUTHORIZATION " + pgx.Identifier{d.Role}.Sanitize()
	}
	return set + " ROLE " + pgx.Identifier{d.Role}.Sanitize()
}

// asTruth runs f with the rights of DatabaseURL inside an attacker's transaction. It reports false when the session logged in as the app
// role and has no way back.
func (d *Dialer) AsTruth(ctx context.Context, conn *pgx.Conn, s Session, f func() error) (bool, error) {
	if d.App != nil {
		return false, nil
	}
	back := "SET LOCAL ROLE NONE"
	if d.Super {
		back = "SET LOCAL SESSION AUTHORIZATION DEFAULT"
	}
	if err := query.Exec(ctx, conn, back); err != nil {
		return true, err
	}
	if err := f(); err != nil {
		return true, err
	}
	return true, query.Exec(ctx, conn, d.become("SET LOCAL")+s.setRole())
}

// errRowSecurity means that policies hide rows from the truth itself.
var errRowSecurity = errors.New("its role is neither superuser nor has BYPASSRLS, so policies would hide rows from it")

func Connect(ctx context.Context, admin query.Querier, d *Dialer) (*Dialer, error) {
	d.Admin = d.Admin.Copy()
	d.Admin.DefaultQueryExecMode = pgx.QueryExecModeExec
	for _, own := range []string{"row_security", "statement_timeout", "lock_timeout"} {
		delete(d.Admin.RuntimeParams, own)
	}
	var bypass, exists bool
	err := query.One(ctx, admin, `SELECT rolname::text, rolsuper, rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_roles WHERE rolname = $1),
		EXISTS (SELECT FROM pg_roles WHERE rolname = $1 AND pg_has_role(current_user, oid, 'MEMBER')) FROM pg_roles WHERE rolname = current_user`,
		[]any{d.Role}, &d.Truth, &d.Super, &bypass, &exists, &d.Member)
	switch {
	case err != nil:
		return nil, fmt.Errorf("database_url: %w", err)
	case !exists:
		return nil, fmt.Errorf("app_role: no role %q", d.Role)
	case !bypass:
		return nil, fmt.Errorf("database_url: %w", errRowSecurity)
	case d.App == nil && !d.Member:
		return nil, fmt.Errorf("app_role: database_url's role may not become %q: grant it, or set app_database_url", d.Role)
	}
	if d.defaults, err = roleDefaults(ctx, admin, d.Role); err != nil {
		return nil, err
	}
	conn, err := d.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var role string
	if err := query.One(ctx, conn, "SELECT current_user::text", nil, &role); err != nil {
		return nil, err
	}
	if role != d.Role {
		return nil, fmt.Errorf("app_database_url: logs in as %q, not as app_role %q", role, d.Role)
	}
	return d, nil
}

// roleDefaults are the settings that a login as the role would start with.
func roleDefaults(ctx context.Context, q query.Querier, role string) ([]Setting, error) {
	var defaults []Setting
	err := query.Each(ctx, q, `SELECT split_part(s, '=', 1), substr(s, strpos(s, '=') + 1) FROM pg_db_role_setting d, unnest(d.setconfig) s
		WHERE d.setrole = (SELECT oid FROM pg_roles WHERE rolname = $1) AND d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
		ORDER BY d.setdatabase`, []any{role}, func(rows pgx.Rows) error {
		var s Setting
		if err := rows.Scan(&s.Name, &s.Value); err != nil {
			return err
		}
		defaults = append(defaults, s)
		return nil
	})
	return defaults, err
}
