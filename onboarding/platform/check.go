package platform

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/onboarding"
)

// Check says whether this is the authoritative host and whether the rights suffice, before anybody
// is asked anything. It changes nothing.
func (db *DB) Check(ctx context.Context) []onboarding.Finding {
	version, err := db.checkServer(ctx)
	if err != nil {
		return []onboarding.Finding{{Level: onboarding.Failed, Name: "platform database", Detail: Explain(err),
			Fix: "Check platform.database_url, and that this host may connect to it."}}
	}
	findings := []onboarding.Finding{{Level: onboarding.OK, Name: "platform database",
		Detail: "PostgreSQL " + version + " answers"}}
	for _, check := range []func(context.Context) (onboarding.Finding, error){db.checkPrimary, db.checkIdentity,
		db.checkRights, db.checkSight, db.checkApplication} {
		finding, err := check(ctx)
		if err != nil {
			finding.Level, finding.Detail = onboarding.Failed, Explain(err)
		}
		findings = append(findings, finding)
	}
	return findings
}

// Explain says what the database reported, without the statement and without how it is reached.
func Explain(err error) string {
	var reported *pgconn.PgError
	if errors.As(err, &reported) {
		return fmt.Sprintf("%s (SQLSTATE %s)", reported.Message, reported.Code)
	}
	var connecting *pgconn.ConnectError
	if errors.As(err, &connecting) {
		return "it cannot be reached: " + errors.Unwrap(connecting).Error()
	}
	return err.Error()
}

func (db *DB) checkServer(ctx context.Context) (version string, err error) {
	return version, db.pool.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&version)
}

func (db *DB) checkPrimary(ctx context.Context) (onboarding.Finding, error) {
	finding := onboarding.Finding{Level: onboarding.OK, Name: "takes writes", Detail: "not in recovery",
		Fix: "Point platform.database_url at the authoritative host."}
	var standby, readOnly bool
	err := db.pool.QueryRow(ctx,
		`SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean`).Scan(&standby, &readOnly)
	switch {
	case standby:
		finding.Level, finding.Detail = onboarding.Failed,
			"the server is in recovery: it is a standby, not the authoritative host"
	case readOnly:
		finding.Level, finding.Detail = onboarding.Failed, "transactions are read-only for this role"
	}
	return settled(finding), err
}

// settled takes the fix from a finding that needs none.
func settled(finding onboarding.Finding) onboarding.Finding {
	if finding.Level == onboarding.OK {
		finding.Fix = ""
	}
	return finding
}

func (db *DB) checkIdentity(ctx context.Context) (onboarding.Finding, error) {
	want := db.config.Identity
	finding := onboarding.Finding{Level: onboarding.OK, Name: "authoritative host",
		Fix: "Point platform.database_url at the authoritative host, or correct platform.identity."}
	if want.Query == "" {
		finding.Level, finding.Detail = onboarding.Warning,
			"no identity query is configured, so another server would not be noticed"
		finding.Fix = "Set platform.identity."
		return finding, nil
	}
	var got *string
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, want.Query).Scan(&got)
	})
	switch {
	case err != nil:
	case got == nil:
		finding.Level, finding.Detail = onboarding.Failed,
			fmt.Sprintf("the identity query returns nothing here instead of %q", want.Value)
	case *got != want.Value:
		finding.Level, finding.Detail = onboarding.Failed,
			fmt.Sprintf("the identity query returns %q here instead of %q", *got, want.Value)
	default:
		finding.Detail = fmt.Sprintf("it is %q", want.Value)
	}
	return settled(finding), err
}

// right is a privilege on a column that a role needs.
type right struct{ table, column, privilege string }

func (db *DB) rights() []right {
	users, orgs, members := db.config.Users, db.config.Orgs, db.config.Members
	var needed []right
	add := func(table, privilege string, columns ...string) {
		for _, column := range columns {
			needed = append(needed, right{table, column, privilege})
		}
	}
	add(users.Table, "SELECT", users.ID, users.Slug, users.Email, users.DisplayName, users.CreatedAt)
	add(users.Table, "INSERT", users.ID, users.Slug, users.Email, users.DisplayName)
	add(orgs.Table, "SELECT", orgs.ID, orgs.Slug, orgs.Name, orgs.Owner, orgs.CreatedAt)
	add(orgs.Table, "INSERT", orgs.Slug, orgs.Name, orgs.Owner)
	add(members.Table, "SELECT", members.Org, members.User, members.Role, members.CreatedAt)
	add(members.Table, "INSERT", members.Org, members.User, members.Role)
	return needed
}

func (db *DB) applicationRights() []right {
	var needed []right
	for _, kind := range db.config.Rows {
		for _, column := range []string{kind.ID, kind.User, kind.Org, kind.CreatedAt} {
			needed = append(needed, right{kind.Table, column, "SELECT"})
		}
		needed = append(needed, right{kind.Table, kind.User, "INSERT"}, right{kind.Table, kind.Org, "INSERT"})
		for column := range kind.Values {
			needed = append(needed, right{kind.Table, column, "INSERT"})
		}
	}
	return needed
}

// lacking returns the rights that a role does not have, as "INSERT on users (slug)", in one round
// trip.
func (db *DB) lacking(ctx context.Context, role string, needed []right) ([]string, error) {
	var tables, columns, privileges []string
	for _, right := range needed {
		tables, columns, privileges = append(tables, table(right.table)), append(columns,
			right.column), append(privileges, right.privilege)
	}
	rows, err := db.pool.Query(ctx, `SELECT CASE
			WHEN to_regclass(need.rel) IS NULL THEN 'there is no table ' || need.rel
			WHEN a.attnum IS NULL THEN 'there is no column ' || need.rel || '.' || need.col
			ELSE need.privilege || ' on ' || need.rel || ' (' || need.col || ')' END
		FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS need (rel, col, privilege, n)
		LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(need.rel) AND a.attname = need.col AND a.attnum > 0 AND NOT a.attisdropped
		WHERE NOT coalesce(has_column_privilege(coalesce(nullif($4, ''), current_user)::name, a.attrelid, a.attnum, need.privilege), false)
		ORDER BY need.n`, tables, columns, privileges, role)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (db *DB) checkRights(ctx context.Context) (onboarding.Finding, error) {
	finding := onboarding.Finding{Level: onboarding.OK, Name: "rights",
		Detail: "may read tenants and add what onboarding adds",
		Fix:    "Grant the role of platform.database_url what is missing, or correct the names in platform."}
	lacking, err := db.lacking(ctx, "", db.rights())
	if len(lacking) > 0 {
		finding.Level, finding.Detail = onboarding.Failed, "missing: "+strings.Join(lacking, ", ")
	}
	return settled(finding), err
}

// checkSight looks whether row-level security may hide tenants from the bot, which would then take
// a slug for free.
func (db *DB) checkSight(ctx context.Context) (onboarding.Finding, error) {
	finding := onboarding.Finding{Level: onboarding.OK, Name: "sight", Detail: "sees every tenant's row",
		Fix: "Give the role of platform.database_url a policy FOR SELECT USING (true) on these tables."}
	rows, err := db.pool.Query(ctx, `SELECT need.rel FROM unnest($1::text[]) AS need (rel)
		WHERE row_security_active(to_regclass(need.rel)) AND NOT EXISTS (
			SELECT FROM pg_policy p WHERE p.polrelid = to_regclass(need.rel) AND p.polpermissive AND p.polcmd IN ('r', '*')
			AND pg_get_expr(p.polqual, p.polrelid) = 'true'
			AND EXISTS (SELECT FROM unnest(p.polroles) AS r (oid) WHERE r.oid = 0 OR pg_has_role(r.oid, 'USAGE')))`,
		[]string{table(db.config.Users.Table), table(db.config.Orgs.Table), table(db.config.Members.Table)})
	if err != nil {
		return finding, err
	}
	blind, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if len(blind) > 0 {
		finding.Level, finding.Detail = onboarding.Warning, "row-level security may hide rows of "+strings.Join(blind,
			", ")+" from the bot"
	}
	return settled(finding), err
}

func (db *DB) checkApplication(ctx context.Context) (onboarding.Finding, error) {
	role := db.config.AppRole
	finding := onboarding.Finding{Level: onboarding.OK, Name: "application role",
		Detail: role + " is bound by row-level security and can be tried",
		Fix: fmt.Sprintf("GRANT %s TO the role of platform.database_url, or set platform.app_database_url.",
			pgx.Identifier{role}.Sanitize())}
	var super, bypass bool
	err := db.pool.QueryRow(ctx, `SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1`, role).Scan(&super,
		&bypass)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		finding.Level, finding.Detail, finding.Fix = onboarding.Failed, "there is no role "+role,
			"Correct platform.app_role."
		return finding, nil
	case err != nil:
		return finding, err
	case super || bypass:
		finding.Level, finding.Detail = onboarding.Failed, role+" is a superuser or has BYPASSRLS: no policy binds it"
		finding.Fix = "Run the platform's sessions as a role without either."
		return finding, nil
	}
	current := ""
	err = db.Try(ctx, func(session *Session) error {
		return session.tx.QueryRow(ctx, `SELECT current_user`).Scan(&current)
	})
	if err != nil {
		return finding, err
	}
	if current != role {
		finding.Level, finding.Detail, finding.Fix = onboarding.Failed,
			"platform.app_database_url logs in as "+current+" instead of "+role, "Correct one of the two."
		return finding, nil
	}
	lacking, err := db.lacking(ctx, role, db.applicationRights())
	if len(lacking) > 0 {
		finding.Level, finding.Detail, finding.Fix = onboarding.Failed, role+" lacks "+strings.Join(lacking,
			", "), "Correct platform.rows, which the success checks insert as the application."
	}
	return settled(finding), err
}
