package checks

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// dangerousRoles are predefined roles that reach around row-level security, and how.
var dangerousRoles = map[string]string{
	"pg_read_server_files":      "reads the server's files, the tables' own among them",
	"pg_write_server_files":     "writes the server's files",
	"pg_execute_server_program": "runs programs as the server",
}

// reachableRoles lists the roles that SET ROLE accepts from the app role.
func reachableRoles(ctx context.Context, q query.Querier, role string, version int) ([]string, error) {
	privilege := "MEMBER"
	if version >= 160000 {
		privilege = "SET" // membership alone no longer allows SET ROLE
	}
	return query.Strings(ctx, q, fmt.Sprintf(`SELECT r.rolname::text FROM pg_roles r, pg_roles a WHERE a.rolname = %[1]s AND NOT a.rolsuper AND r.oid <> a.oid
		AND r.rolname !~ '^pg_' AND pg_has_role(a.oid, r.oid, '%[2]s') ORDER BY 1`, query.Literal(role), privilege))
}

// reachesMore marks relations on which a role that the app role can become has rights that it has not itself.
func (r *Run) reachesMore(ctx context.Context, q query.Querier) error {
	if len(r.roles) == 0 {
		return nil
	}
	return query.Each(ctx, q, `SELECT DISTINCT c.oid FROM pg_class c, unnest($1::text[]) role WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
		AND has_schema_privilege(role, c.relnamespace, 'USAGE') AND (coalesce(has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE'), false)
		OR coalesce(has_table_privilege(role, c.oid, 'DELETE, TRUNCATE'), false))`, []any{r.roles}, func(rows pgx.Rows) error {
		var oid uint32
		if err := rows.Scan(&oid); err != nil {
			return err
		}
		if t := r.m.Cat.ByOID[oid]; t != nil && !t.Reachable() {
			t.Elsewhere = true
		}
		return nil
	})
}

// checkRole looks at what the app role is: whoever is above policies needs no hole in them.
func (r *Run) checkRole(ctx context.Context) error {
	role := r.cfg.AppRole
	name := pgx.Identifier{role}.Sanitize()
	var super, bypass, createRole, replication, canGrant bool
	if err := query.One(ctx, r.admin, "SELECT rolsuper, rolbypassrls, rolcreaterole, rolreplication, current_setting('server_version_num')::int < 160000 FROM pg_roles WHERE rolname = $1",
		[]any{role}, &super, &bypass, &createRole, &replication, &canGrant); err != nil {
		return err
	}
	risk := func(attribute, why, fix string) {
		r.Add(results.Finding{Kind: results.Risk, Operation: attribute, Table: "role " + role, As: "any session", Evidence: why, Fix: fix})
	}
	if super {
		risk("superuser", "the app role is a superuser: no policy holds for it", fmt.Sprintf("ALTER ROLE %s NOSUPERUSER;", name))
	}
	if bypass && !super {
		risk("bypassrls", "the app role has BYPASSRLS: no policy holds for it", fmt.Sprintf("ALTER ROLE %s NOBYPASSRLS;", name))
	}
	if replication && !super {
		risk("replication", "the app role has REPLICATION: it can stream every tenant's changes", fmt.Sprintf("ALTER ROLE %s NOREPLICATION;", name))
	}
	if createRole && !super {
		risk("createrole", "the app role has CREATEROLE: it can grant itself other roles", fmt.Sprintf("ALTER ROLE %s NOCREATEROLE;", name))
		if canGrant {
			r.grantSelf(ctx)
		}
	}
	for _, above := range r.roles {
		var super, bypass bool
		if err := query.One(ctx, r.admin, "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1", []any{above}, &super, &bypass); err != nil {
			return err
		}
		if super || bypass {
			risk("set role "+above, fmt.Sprintf("the app role can become %s, for which no policy holds", above), r.unbecome(ctx, above))
		}
	}
	members, err := query.Strings(ctx, r.admin, fmt.Sprintf("SELECT rolname::text FROM pg_roles WHERE rolname ~ '^pg_' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = %[1]s) AND pg_has_role(%[1]s, oid, 'MEMBER')", query.Literal(role)))
	if err != nil {
		return err
	}
	for _, above := range members {
		if why := dangerousRoles[above]; why != "" {
			risk("set role "+above, fmt.Sprintf("the app role is a member of %s, which %s", above, why), r.unbecome(ctx, above))
		}
	}
	if super {
		return nil // reads will show it
	}
	if err := r.disarm(ctx); err != nil {
		return err
	}
	return r.checkOwned(ctx)
}

// grantSelf proves what CREATEROLE allows before PostgreSQL 16: taking on the role that owns a table.
func (r *Run) grantSelf(ctx context.Context) {
	for _, t := range r.tables {
		if t.IsView() || t.Owner == r.cfg.AppRole {
			continue
		}
		owner := pgx.Identifier{t.Owner}.Sanitize()
		prefix := fmt.Sprintf("GRANT %s TO %s; SET LOCAL ROLE %s; ALTER TABLE %s NO FORCE ROW LEVEL SECURITY", owner, pgx.Identifier{r.cfg.AppRole}.Sanitize(), owner, t.SQL())
		_ = r.escalate(ctx, session.Session{Label: "any session, after granting itself the owner's role " + t.Owner}, prefix, []*catalog.Relation{t}, fmt.Sprintf("ALTER ROLE %s NOCREATEROLE;", pgx.Identifier{r.cfg.AppRole}.Sanitize()))
	}
}

// disarm proves that whoever owns a table owns its policies too: they can be switched off.
func (r *Run) disarm(ctx context.Context) error {
	var owned []uint32
	if err := query.Each(ctx, r.admin, "SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p') AND pg_has_role($1::name, c.relowner, 'USAGE')", []any{r.cfg.AppRole}, func(rows pgx.Rows) error {
		var oid uint32
		err := rows.Scan(&oid)
		owned = append(owned, oid)
		return err
	}); err != nil {
		return err
	}
	for _, oid := range owned {
		t := r.m.Cat.ByOID[oid]
		if t == nil || !t.RLS || !r.m.Of(t).Owned() || r.writesExcluded(t) {
			continue
		}
		fix := r.disown(t)
		err := r.escalate(ctx, session.Session{Label: "any session, as the table's owner"}, fmt.Sprintf("ALTER TABLE %s DISABLE ROW LEVEL SECURITY", t.SQL()), []*catalog.Relation{t}, fix)
		if err != nil || !r.Leaks(t.String(), "read") {
			r.Add(results.Finding{Kind: results.Risk, Operation: "owner", Table: t.String(), As: "any session", Evidence: "the app role owns the table and can switch its policies off", Fix: fix})
		}
	}
	return nil
}

// escalate reads tables after statements that a session is allowed. Such statements may lock the tables, so the truth is asked only after the
// rollback.
func (r *Run) escalate(ctx context.Context, s session.Session, prefix string, tables []*catalog.Relation, fix string) error {
	w := r.m.Identity(s.Person, s.Orgs, s.CoMembers)
	seen := map[*catalog.Relation][]string{}
	counted := map[*catalog.Relation]int{}
	err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
		if err := query.Exec(ctx, conn, prefix); err != nil {
			return err
		}
		for _, t := range tables {
			if r.Leaks(t.String(), "read") || t.IsView() || r.m.Directory[t.OID] {
				continue
			}
			if err := query.Exec(ctx, conn, "SAVEPOINT attempt"); err != nil {
				return err
			}
			var err error
			if place := locator(t, "a"); place != "" {
				seen[t], err = query.Strings(ctx, conn, fmt.Sprintf("SELECT %s FROM %s a WHERE %s LIMIT %d", place, t.SQL(), r.m.Foreign(t, "a", w, tenancy.Attacker), chunkRows))
			} else {
				var n int
				err = query.One(ctx, conn, "SELECT count(*) FROM "+t.SQL(), nil, &n)
				counted[t] = n
			}
			if err != nil {
				if query.SQLState(err) == "" {
					return err
				}
				if err := query.Exec(ctx, conn, "ROLLBACK TO attempt"); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for t, places := range seen {
		if len(places) == 0 {
			continue
		}
		p, err := r.whose(ctx, s, t, places)
		if err != nil {
			return err
		}
		r.escalated(t, s, p, prefix, fix)
	}
	for t, n := range counted {
		p, err := r.surplus(ctx, s, t, n)
		if err != nil {
			return err
		}
		r.escalated(t, s, p, prefix, fix)
	}
	return err
}

func (r *Run) escalated(t *catalog.Relation, s session.Session, p *proof, prefix, fix string) {
	if p != nil {
		r.Add(results.Finding{Kind: results.Leak, Operation: "read", Table: t.String(), As: s.Label, Evidence: "read " + p.String() + " after " + firstWords(prefix), Fix: fix})
	}
}

func firstWords(sql string) string {
	first, _, more := strings.Cut(sql, ";")
	if more {
		first += "; …"
	}
	return first
}
