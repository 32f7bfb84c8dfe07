package rights

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/escalation"
	"github.com/atlilith/onboardbot/onboarding/isolation/checks/setup"
	"github.com/atlilith/onboardbot/onboarding/isolation/fixes"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// dangerousRoles are predefined roles that reach around row-level security, and how.
var dangerousRoles = map[string]string{
	"pg_read_server_files":      "reads the server's files, including those of the tables",
	"pg_write_server_files":     "writes the server's files",
	"pg_execute_server_program": "runs programs as the server",
	"pg_read_all_stats":         "shows the statements of all sessions, with the values in them",
	"pg_monitor":                "shows the statements of all sessions, with the values in them",
	"pg_create_subscription":    "copies what other servers publish",
	"pg_write_all_data":         "writes every table that has no policies",
}

// roles looks at what the app role is: a role that policies do not apply to needs no hole in
// them.
type roles struct {
	role      string
	super     bool
	reachable []string
	// configured are further roles of sessions, and tenants those of tenants.
	configured, tenants []string
	cat                 *catalog.Catalog
	tables              []*catalog.Relation
	truth               query.Querier
	escalator           *escalation.Escalator
	fixes               *fixes.Writer
	results             *results.Collector
}

// NewRoles returns the check of what the app role is, and of the roles that sessions take on.
func NewRoles(s *setup.Setup) setup.Check {
	return &roles{
		role: s.Config.AppRole, configured: s.Config.Settings.Opening.Roles, tenants: s.TenantRoles,
		reachable: slices.DeleteFunc(slices.Clone(s.Roles), func(role string) bool {
			return slices.Contains(s.Config.Settings.Opening.Roles, role)
		}),
		cat: s.Model.Catalog, tables: s.Scope.Tables, truth: s.Truth,
		escalator: escalation.New(s), fixes: s.Fixes, results: s.Results,
	}
}

// attributes are those of a role that put it above policies.
type attributes struct{ super, bypass, createRole, replication bool }

func readAttributes(ctx context.Context, q query.Querier, role string) (attributes, error) {
	var a attributes
	err := q.QueryRow(ctx, "SELECT rolsuper, rolbypassrls, rolcreaterole, rolreplication FROM pg_roles WHERE "+
		"rolname = $1", role).
		Scan(&a.super, &a.bypass, &a.createRole, &a.replication)
	return a, err
}

func (r *roles) Run(ctx context.Context) error {
	own, err := readAttributes(ctx, r.truth, r.role)
	if err != nil {
		return err
	}
	r.super = own.super
	if own.super {
		r.risk(results.Superuser, "the app role is a superuser: no policy applies to it",
			r.fixes.AlterRole("NOSUPERUSER"))
	}
	if own.bypass && !own.super {
		r.risk(results.BypassRLS, "the app role has BYPASSRLS: no policy applies to it",
			r.fixes.AlterRole("NOBYPASSRLS"))
	}
	if own.replication && !own.super {
		r.risk(results.Replication, "the app role has REPLICATION: it can stream every tenant's changes",
			r.fixes.AlterRole("NOREPLICATION"))
	}
	if own.createRole && !own.super {
		r.risk(results.CreateRole, "the app role has CREATEROLE: it can grant itself other roles",
			r.fixes.AlterRole("NOCREATEROLE"))
		if r.cat.Version < catalog.Version16 {
			r.grantItself(ctx)
		}
	}
	for _, above := range r.reachable {
		a, err := readAttributes(ctx, r.truth, above)
		if err != nil {
			return err
		}
		why := ""
		switch {
		case a.super || a.bypass:
			why = "to which no policy applies"
		case a.replication:
			why = "which has REPLICATION: it can stream every tenant's changes"
		case a.createRole:
			why = "which has CREATEROLE: it can grant itself other roles"
		}
		if why != "" {
			r.risk(results.SetRole(above), fmt.Sprintf("the app role can become %s, %s", above, why),
				r.fixes.RevokeRole(ctx, above))
		}
	}
	if err := r.openings(ctx); err != nil {
		return err
	}
	return r.predefined(ctx)
}

func (r *roles) risk(operation results.Operation, why, fix string) {
	r.results.AddRisk(operation, "role "+r.role, why, fix)
}

// predefined reports predefined roles that reach around row-level security.
func (r *roles) predefined(ctx context.Context) error {
	members, err := query.Strings(ctx, r.truth, `SELECT rolname::text FROM pg_roles WHERE rolname ~ '^pg_'
		AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = $1) AND pg_has_role($1::name, oid, 'MEMBER')`, r.role)
	if err != nil {
		return err
	}
	for _, above := range members {
		if why := dangerousRoles[above]; why != "" {
			r.risk(results.SetRole(above), fmt.Sprintf("the app role is a member of %s, which %s", above, why),
				r.fixes.RevokeRole(ctx, above))
		}
	}
	return r.around(ctx)
}

// A foreign server with a login for the role is as good as that login where the role can name the
// server: in dblink, or in a foreign table of its own.
const aroundSQL = `
SELECT 'pg_catalog.' || relname::text AS object, 'SELECT ON pg_catalog.' || relname::text AS privilege
  FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace
   AND relname IN ('pg_statistic', 'pg_statistic_ext_data', 'pg_authid', 'pg_user_mapping', 'pg_largeobject')
   AND has_table_privilege($1::name, oid, 'SELECT')
UNION ALL
SELECT p.oid::regprocedure::text, 'EXECUTE ON FUNCTION ' || p.oid::regprocedure::text FROM pg_proc p
 WHERE p.proname IN ('dblink_connect_u', 'lo_import', 'lo_export', 'pg_read_file', 'pg_read_binary_file', 'pg_ls_dir')
   AND has_function_privilege($1::name, p.oid, 'EXECUTE')
UNION ALL
SELECT 'server ' || s.srvname::text, 'USAGE ON FOREIGN SERVER ' || quote_ident(s.srvname) FROM pg_foreign_server s
 WHERE has_server_privilege($1::name, s.oid, 'USAGE')
   AND EXISTS (SELECT FROM pg_user_mappings m WHERE m.srvid = s.oid
               AND (m.umuser = 0 OR pg_has_role($1::name, m.umuser, 'MEMBER')))
   AND (EXISTS (SELECT FROM pg_proc p
                WHERE p.proname = 'dblink' AND has_function_privilege($1::name, p.oid, 'EXECUTE'))
        OR EXISTS (SELECT FROM pg_namespace n WHERE n.nspname !~ '^pg_'
                   AND has_schema_privilege($1::name, n.oid, 'CREATE')))
 ORDER BY 1`

// openedNextSQL lists what tables that do not exist yet will grant to the role.
const openedNextSQL = `
SELECT DISTINCT 'tables that ' || d.defaclrole::regrole::text || ' creates'
       || coalesce(' in schema ' || n.nspname, '') || ': '
       || string_agg(DISTINCT x.privilege_type, ', ') FROM pg_default_acl d
  LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace, aclexplode(d.defaclacl) x
 WHERE d.defaclobjtype = 'r' AND d.defaclrole <> x.grantee
   AND x.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
   AND (x.grantee = 0 OR pg_has_role($1::name, x.grantee, 'MEMBER'))
 GROUP BY d.defaclrole, n.nspname ORDER BY 1`

// around reports rights to what holds tenants' values beside their tables, or reaches files and
// other servers as the server itself. PostgreSQL gives them to no role by itself.
func (r *roles) around(ctx context.Context) error {
	if r.super {
		return nil // a superuser has every right, which is a risk of its own
	}
	rows, err := r.truth.Query(ctx, aroundSQL, r.role)
	if err != nil {
		return err
	}
	var object, privilege string
	_, err = pgx.ForEachRow(rows, []any{&object, &privilege}, func() error {
		r.results.AddRisk(results.Around, object, "the app role may use "+object+
			", which holds or reaches what no policy protects",
			fmt.Sprintf("REVOKE %s FROM PUBLIC, %s;", privilege, query.Name(r.role)))
		return nil
	})
	if err != nil {
		return err
	}
	opened, err := query.Strings(ctx, r.truth, openedNextSQL, r.role)
	for _, what := range opened {
		r.results.Note("default privileges open the next table to the app role before anybody has enabled row-level "+
			"security on it: %s", what)
	}
	return err
}

// grantItself proves what CREATEROLE allows before PostgreSQL 16: becoming the role that owns a
// table.
func (r *roles) grantItself(ctx context.Context) {
	for _, t := range r.tables {
		if t.IsView() || t.Owner == r.role {
			continue
		}
		// A table that refuses proves nothing; the risk stands already.
		_ = r.escalator.Try(ctx, escalation.Attack{
			Session: session.Session{Kind: session.Anonymous,
				Label: "any session, after granting itself the owner's role " + t.Owner},
			SQL: fmt.Sprintf("GRANT %[1]s TO %[2]s; SET LOCAL ROLE %[1]s; "+
				"ALTER TABLE %[3]s NO FORCE ROW LEVEL SECURITY",
				query.Name(t.Owner), query.Name(r.role), t.SQL()),
			Tables: []*catalog.Relation{t},
			Fix:    r.fixes.AlterRole("NOCREATEROLE"),
		})
	}
}

// openings reports the roles of sessions to which no policy applies.
func (r *roles) openings(ctx context.Context) error {
	further := slices.Concat(r.configured, r.tenants)
	if len(further) == 0 {
		return nil
	}
	above, err := query.Strings(ctx, r.truth, "SELECT rolname::text FROM pg_roles WHERE rolname = ANY($1) AND "+
		"(rolsuper OR rolbypassrls) ORDER BY 1", further)
	if err != nil {
		return err
	}
	for _, role := range above {
		r.risk(results.SetRole(role), fmt.Sprintf("sessions take on %s, to which no policy applies", role),
			fmt.Sprintf("ALTER ROLE %s NOSUPERUSER NOBYPASSRLS;", query.Name(role)))
	}
	return nil
}
