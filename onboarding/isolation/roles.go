package isolation

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// dangerousRoles are predefined roles that reach around row-level security, and how.
var dangerousRoles = map[string]string{
	"pg_read_server_files":      "reads the server's files, the tables' own among them",
	"pg_write_server_files":     "writes the server's files",
	"pg_execute_server_program": "runs programs as the server",
}

// reachableRoles lists the roles that SET ROLE accepts from the app role.
func reachableRoles(ctx context.Context, q querier, role string, version int) ([]string, error) {
	privilege := "MEMBER"
	if version >= 160000 {
		privilege = "SET" // membership alone no longer allows SET ROLE
	}
	return texts(ctx, q, fmt.Sprintf(`SELECT r.rolname::text FROM pg_roles r, pg_roles a WHERE a.rolname = %[1]s AND NOT a.rolsuper AND r.oid <> a.oid
		AND r.rolname !~ '^pg_' AND pg_has_role(a.oid, r.oid, '%[2]s') ORDER BY 1`, literal(role), privilege))
}

// reachesMore marks relations on which a role that the app role can become has rights that it has not itself.
func (r *run) reachesMore(ctx context.Context, q querier) error {
	if len(r.roles) == 0 {
		return nil
	}
	return each(ctx, q, `SELECT DISTINCT c.oid FROM pg_class c, unnest($1::text[]) role WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
		AND has_schema_privilege(role, c.relnamespace, 'USAGE') AND (coalesce(has_any_column_privilege(role, c.oid, 'SELECT, INSERT, UPDATE'), false)
		OR coalesce(has_table_privilege(role, c.oid, 'DELETE, TRUNCATE'), false))`, []any{r.roles}, func(rows pgx.Rows) error {
		var oid uint32
		if err := rows.Scan(&oid); err != nil {
			return err
		}
		if t := r.m.cat.byOID[oid]; t != nil && !t.reachable() {
			t.Elsewhere = true
		}
		return nil
	})
}

// checkRole looks at what the app role is: whoever is above policies needs no hole in them.
func (r *run) checkRole(ctx context.Context) error {
	role := r.cfg.AppRole
	name := pgx.Identifier{role}.Sanitize()
	var super, bypass, createRole, replication, canGrant bool
	if err := one(ctx, r.admin, "SELECT rolsuper, rolbypassrls, rolcreaterole, rolreplication, current_setting('server_version_num')::int < 160000 FROM pg_roles WHERE rolname = $1",
		[]any{role}, &super, &bypass, &createRole, &replication, &canGrant); err != nil {
		return err
	}
	risk := func(attribute, why, fix string) {
		r.find(Finding{Kind: Risk, Operation: attribute, Table: "role " + role, As: "any session", Evidence: why, Fix: fix})
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
		if err := one(ctx, r.admin, "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = $1", []any{above}, &super, &bypass); err != nil {
			return err
		}
		if super || bypass {
			risk("set role "+above, fmt.Sprintf("the app role can become %s, for which no policy holds", above), r.unbecome(ctx, above))
		}
	}
	members, err := texts(ctx, r.admin, fmt.Sprintf("SELECT rolname::text FROM pg_roles WHERE rolname ~ '^pg_' AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = %[1]s) AND pg_has_role(%[1]s, oid, 'MEMBER')", literal(role)))
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
func (r *run) grantSelf(ctx context.Context) {
	for _, t := range r.tables {
		if t.isView() || t.Owner == r.cfg.AppRole {
			continue
		}
		owner := pgx.Identifier{t.Owner}.Sanitize()
		prefix := fmt.Sprintf("GRANT %s TO %s; SET LOCAL ROLE %s; ALTER TABLE %s NO FORCE ROW LEVEL SECURITY", owner, pgx.Identifier{r.cfg.AppRole}.Sanitize(), owner, t.SQL())
		_ = r.escalate(ctx, session{Label: "any session, after granting itself the owner's role " + t.Owner}, prefix, []*relation{t}, fmt.Sprintf("ALTER ROLE %s NOCREATEROLE;", pgx.Identifier{r.cfg.AppRole}.Sanitize()))
	}
}

// disarm proves that whoever owns a table owns its policies too: they can be switched off.
func (r *run) disarm(ctx context.Context) error {
	var owned []uint32
	if err := each(ctx, r.admin, "SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p') AND pg_has_role($1::name, c.relowner, 'USAGE')", []any{r.cfg.AppRole}, func(rows pgx.Rows) error {
		var oid uint32
		err := rows.Scan(&oid)
		owned = append(owned, oid)
		return err
	}); err != nil {
		return err
	}
	for _, oid := range owned {
		t := r.m.cat.byOID[oid]
		if t == nil || !t.RLS || !r.m.of(t).owned() || r.spared(t) {
			continue
		}
		fix := r.disown(t)
		err := r.escalate(ctx, session{Label: "any session, as the table's owner"}, fmt.Sprintf("ALTER TABLE %s DISABLE ROW LEVEL SECURITY", t.SQL()), []*relation{t}, fix)
		if err != nil || !r.leaks(t.String(), "read") {
			r.find(Finding{Kind: Risk, Operation: "owner", Table: t.String(), As: "any session", Evidence: "the app role owns the table and can switch its policies off", Fix: fix})
		}
	}
	return nil
}

// escalate reads tables after statements that a session is allowed. Such statements may lock the tables, so the truth is asked only after the
// rollback.
func (r *run) escalate(ctx context.Context, s session, prefix string, tables []*relation, fix string) error {
	w := r.m.identity(s.Person, s.Orgs, s.Mates)
	seen := map[*relation][]string{}
	counted := map[*relation]int{}
	err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
		if err := exec(ctx, conn, prefix); err != nil {
			return err
		}
		for _, t := range tables {
			if r.leaks(t.String(), "read") || t.isView() || r.m.directory[t.OID] {
				continue
			}
			if err := exec(ctx, conn, "SAVEPOINT attempt"); err != nil {
				return err
			}
			var err error
			if place := locator(t, "a"); place != "" {
				seen[t], err = texts(ctx, conn, fmt.Sprintf("SELECT %s FROM %s a WHERE %s LIMIT %d", place, t.SQL(), r.m.foreign(t, "a", w, attacker), chunkRows))
			} else {
				var n int
				err = one(ctx, conn, "SELECT count(*) FROM "+t.SQL(), nil, &n)
				counted[t] = n
			}
			if err != nil {
				if sqlstate(err) == "" {
					return err
				}
				if err := exec(ctx, conn, "ROLLBACK TO attempt"); err != nil {
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

func (r *run) escalated(t *relation, s session, p *proof, prefix, fix string) {
	if p != nil {
		r.find(Finding{Kind: Leak, Operation: "read", Table: t.String(), As: s.Label, Evidence: "read " + p.String() + " after " + firstWords(prefix), Fix: fix})
	}
}

func firstWords(sql string) string {
	first, _, more := strings.Cut(sql, ";")
	if more {
		first += "; …"
	}
	return first
}
