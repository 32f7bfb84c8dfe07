package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/internal/reconnect"
	"github.com/atlilith/onboardbot/onboarding"
)

// check is one check of the platform's database. It fails by its error if it cannot be made.
type check struct {
	name string
	fix  string // of an error
	run  func(context.Context) (onboarding.Finding, error)
}

const correctURL = "Point platform.database_url at the authoritative host."

// checker makes the checks of [DB.Check].
type checker struct{ db *DB }

// Check finds whether this is the authoritative host and whether the bot has the rights it needs,
// before anybody is asked anything. It changes nothing.
func (db *DB) Check(ctx context.Context) []onboarding.Finding {
	const name = "platform database"
	var version string
	err := db.pool.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&version)
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name,
			"Check platform.database_url, and that this host may connect to it.", "%s", Explain(err))}
	}
	c := checker{db}
	findings := []onboarding.Finding{onboarding.Passed(name, "PostgreSQL %s answers", version)}
	for _, check := range []check{
		{"primary, not a standby", correctURL, c.checkPrimary},
		{"authoritative host", correctIdentity, c.checkIdentity},
		{"database grants", grantRights, c.checkRights},
		{"can see all tenants", addPolicy, c.checkVisibility},
		{"application role", c.grantRole(), c.checkApplication},
	} {
		finding, err := check.run(ctx)
		if err != nil {
			finding = onboarding.Failing(check.name, check.fix, "%s", Explain(err))
		}
		finding.Name = check.name
		findings = append(findings, finding)
	}
	return findings
}

// passed, failing and doubtful are findings that [DB.Check] names.
func passed(format string, args ...any) (onboarding.Finding, error) {
	return onboarding.Passed("", format, args...), nil
}

func failing(fix, format string, args ...any) (onboarding.Finding, error) {
	return onboarding.Failing("", fix, format, args...), nil
}

func doubtful(fix, format string, args ...any) (onboarding.Finding, error) {
	return onboarding.Doubtful("", fix, format, args...), nil
}

// Explain returns what the database reported, without the statement and without how it is reached.
func Explain(err error) string {
	if reported, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fmt.Sprintf("%s (SQLSTATE %s)", reported.Message, reported.Code)
	}
	if connecting, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return "it cannot be reached: " + errors.Unwrap(connecting).Error()
	}
	if reconnect.Broken(err) {
		return "the connection broke; the server may have been restarted"
	}
	return err.Error()
}

func (c checker) checkPrimary(ctx context.Context) (onboarding.Finding, error) {
	var problem string
	err := pgx.BeginFunc(ctx, c.db.pool, func(tx pgx.Tx) (err error) {
		problem, err = writable(ctx, tx)
		return err
	})
	switch {
	case err != nil:
		return onboarding.Finding{}, err
	case problem != "":
		return failing(correctURL, "%s", problem)
	}
	return passed("not in recovery")
}

const correctIdentity = "Point platform.database_url at the authoritative host, or correct platform.identity."

func (c checker) checkIdentity(ctx context.Context) (onboarding.Finding, error) {
	want := c.db.config.Identity
	if want.Query == "" {
		return doubtful("Set platform.identity.",
			"no identity query is configured, so another server would not be noticed")
	}
	var problem string
	err := pgx.BeginFunc(ctx, c.db.pool, func(tx pgx.Tx) (err error) {
		problem, err = c.db.foreign(ctx, tx)
		return err
	})
	switch {
	case err != nil:
		return onboarding.Finding{}, err
	case problem != "":
		return failing(correctIdentity, "%s", problem)
	}
	return passed("it is %q", want.Value)
}

const grantRights = "Grant the role of platform.database_url what is missing, or correct the names in platform."

func (c checker) checkRights(ctx context.Context) (onboarding.Finding, error) {
	lacking, err := c.lacking(ctx, "", c.rights())
	switch {
	case err != nil:
		return onboarding.Finding{}, err
	case len(lacking) > 0:
		return failing(grantRights, "missing: %s", strings.Join(lacking, ", "))
	}
	return passed("may read tenants and add what onboarding adds")
}

const addPolicy = "Give the role of platform.database_url a policy FOR SELECT USING (true) on these tables."

// checkVisibility finds whether row-level security may hide tenants from the bot, which would then
// take a slug for free.
func (c checker) checkVisibility(ctx context.Context) (onboarding.Finding, error) {
	rows, err := c.db.pool.Query(ctx, `SELECT need.rel FROM unnest($1::text[]) AS need (rel)
		WHERE row_security_active(to_regclass(need.rel)) AND NOT EXISTS (
			SELECT FROM pg_policy p
			WHERE p.polrelid = to_regclass(need.rel) AND p.polpermissive AND p.polcmd IN ('r', '*')
			AND pg_get_expr(p.polqual, p.polrelid) = 'true'
			AND EXISTS (SELECT FROM unnest(p.polroles) AS r (oid) WHERE r.oid = 0 OR pg_has_role(r.oid, 'USAGE')))`,
		[]string{c.db.quoted.Users.Table, c.db.quoted.Orgs.Table, c.db.quoted.Members.Table})
	if err != nil {
		return onboarding.Finding{}, err
	}
	hidden, err := pgx.CollectRows(rows, pgx.RowTo[string])
	switch {
	case err != nil:
		return onboarding.Finding{}, err
	case len(hidden) > 0:
		return doubtful(addPolicy, "row-level security may hide rows of %s from the bot", strings.Join(hidden, ", "))
	}
	return passed("sees every tenant's row")
}

func (c checker) grantRole() string {
	return fmt.Sprintf("GRANT %s TO the role of platform.database_url, or set platform.app_database_url.",
		pgx.Identifier{c.db.config.AppRole}.Sanitize())
}

func (c checker) checkApplication(ctx context.Context) (onboarding.Finding, error) {
	role := c.db.config.AppRole
	var super, bypass bool
	err := c.db.pool.QueryRow(ctx, `SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1`, role).
		Scan(&super, &bypass)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return failing("Correct platform.app_role.", "there is no role %s", role)
	case err != nil:
		return onboarding.Finding{}, err
	case super || bypass:
		return failing("Run the platform's sessions as a role without either.",
			"%s is a superuser or has BYPASSRLS: no policy binds it", role)
	}
	current := ""
	err = c.db.Try(ctx, func(session *Session) error {
		return session.tx.QueryRow(ctx, `SELECT current_user`).Scan(&current)
	})
	if err != nil {
		return onboarding.Finding{}, err
	}
	if current != role {
		return failing("Correct one of the two.", "platform.app_database_url logs in as %s instead of %s", current,
			role)
	}
	lacking, err := c.lacking(ctx, role, c.applicationRights())
	switch {
	case err != nil:
		return onboarding.Finding{}, err
	case len(lacking) > 0:
		return failing("Correct platform.rows, which the success checks insert as the application.",
			"%s lacks %s", role, strings.Join(lacking, ", "))
	}
	return passed("%s is bound by row-level security, and the bot can act as it", role)
}
