package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

func fixCall(f *catalog.Function, role string) string {
	return fmt.Sprintf("REVOKE EXECUTE ON ROUTINE %s(%s) FROM PUBLIC, %s; -- or make it check whose rows it touches", f.SQL(), f.Arguments, pgx.Identifier{role}.Sanitize())
}

// appSQL is the app role as a statement spells it.
func (r *Run) appSQL() string { return pgx.Identifier{r.cfg.AppRole}.Sanitize() }

// revoke takes rights on a relation away from every tenant.
func (r *Run) revoke(rights string, t *catalog.Relation, why string) string {
	return fmt.Sprintf("REVOKE %s ON %s FROM PUBLIC, %s; -- %s", rights, t.SQL(), r.appSQL(), why)
}

// fence is SQL that closes a relation to an operation: a restrictive policy holds whatever permissive ones allow.
func (r *Run) fence(t *catalog.Relation, operation string) string {
	o := r.m.Of(t)
	switch {
	case t.Kind == "m":
		return r.revoke("ALL", t, "a materialised view has no policies")
	case t.Kind == "f":
		return r.revoke("ALL", t, "a foreign table has no policies")
	case t.Kind == "v" && operation != "read":
		return r.revoke(strings.ToUpper(operation), t, "what it writes asks no policy of the session's")
	case t.Kind == "v" && r.m.Cat.Version >= 150000:
		return fmt.Sprintf("ALTER VIEW %s SET (security_invoker = true);", t.SQL())
	case t.Kind == "v":
		return fmt.Sprintf("ALTER VIEW %s OWNER TO %s; -- so that its tables' policies apply (security_invoker needs PostgreSQL 15)", t.SQL(), r.appSQL())
	case t.Partition:
		return r.revoke("ALL", t, "reach it through its parent")
	case !o.Owned():
		return r.revoke("ALL", t, "it repeats tenants' rows and does not say whose")
	}
	var sql strings.Builder
	if !t.RLS {
		fmt.Fprintf(&sql, "ALTER TABLE %s ENABLE ROW LEVEL SECURITY;\n", t.SQL())
	}
	if !t.Forced {
		fmt.Fprintf(&sql, "ALTER TABLE %s FORCE ROW LEVEL SECURITY;\n", t.SQL())
	}
	sql.WriteString(r.helpers(o))
	if !slices.ContainsFunc(t.Policies, func(p catalog.Policy) bool { return p.Permissive && p.Applies }) {
		fmt.Fprintf(&sql, "DROP POLICY IF EXISTS tenant ON %[1]s;\nCREATE POLICY tenant ON %[1]s TO %[2]s USING (true);\n", t.SQL(), r.appSQL())
	}
	fence := func(name, command, condition string) {
		clause := "USING"
		if command == "INSERT" {
			clause = "WITH CHECK"
		}
		fmt.Fprintf(&sql, "DROP POLICY IF EXISTS %[1]s ON %[2]s;\nCREATE POLICY %[1]s ON %[2]s AS RESTRICTIVE FOR %[3]s TO %[4]s %[5]s (%[6]s);\n", name, t.SQL(), command, r.appSQL(), clause, condition)
	}
	me := me(r.m, r.cfg.Settings)
	switch o.Class {
	case tenancy.ClassUsers:
		id := pgx.Identifier{r.m.UserID}.Sanitize()
		fence("tenant_fence_read", "SELECT", fmt.Sprintf("%s = %s OR %s IN (SELECT %s())", id, me, id, helper(r.m, "tenant_mates")))
		fence("tenant_fence_update", "UPDATE", id+" = "+me)
		fence("tenant_fence_delete", "DELETE", id+" = "+me)
	case tenancy.ClassMembers:
		mine := fmt.Sprintf("%s IN (SELECT %s())", pgx.Identifier{r.m.MemberOrg}.Sanitize(), helper(r.m, "tenant_orgs"))
		named := fmt.Sprintf("%s OR %s = %s", mine, pgx.Identifier{r.m.MemberUser}.Sanitize(), me)
		fence("tenant_fence_read", "SELECT", named)
		fence("tenant_fence_insert", "INSERT", mine)
		fence("tenant_fence_update", "UPDATE", mine)
		fence("tenant_fence_delete", "DELETE", named)
	default:
		fence("tenant_fence", "ALL", ownSQL(r.m, t, r.cfg.Settings))
	}
	return strings.TrimSpace(sql.String())
}

// me is the session's Person, or NULL.
func me(m *tenancy.Model, names session.Settings) string {
	return fmt.Sprintf("nullif(current_setting(%s, true), '')::%s", query.Literal(names.User), m.UserType)
}

// helper is the name of a function that the fixes bring along, beside the table of users.
func helper(m *tenancy.Model, name string) string {
	return pgx.Identifier{m.Users.Schema, name}.Sanitize()
}

// helpers are functions that list what a session belongs to: with their definer's rights, since a policy that asked its own table would recurse.
func (r *Run) helpers(o *tenancy.Ownership) string {
	m := r.m
	me := me(m, r.cfg.Settings)
	function := func(name, returns, body string) string {
		return fmt.Sprintf("CREATE OR REPLACE FUNCTION %s() RETURNS SETOF %s LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$ %s $$;\n", helper(m, name), returns, body)
	}
	orgs := fmt.Sprintf("SELECT mem.org FROM (%s) mem WHERE mem.person = %s AND mem.present", m.MembersSQL(), me)
	switch {
	case o.Class == tenancy.ClassUsers:
		return function("tenant_mates", m.UserType, fmt.Sprintf("SELECT other.person FROM (%s) other WHERE other.org IN (%s)", m.MembersSQL(), orgs))
	case o.Class == tenancy.ClassOrgs, o.Class == tenancy.ClassMembers, len(o.Org)+len(o.Either) > 0 && m.Orgs != nil:
		return function("tenant_orgs", m.OrgType, orgs)
	}
	return ""
}

// ownSQL is the model's rule as a policy expression on a table's own columns.
func ownSQL(m *tenancy.Model, t *catalog.Relation, names session.Settings) string {
	me := me(m, names)
	name := func(c string) string { return pgx.Identifier{c}.Sanitize() }
	isMe := func(c string) string {
		if t.Column(c).Type != m.UserType {
			return fmt.Sprintf("%s::text = (%s)::text", name(c), me)
		}
		return name(c) + " = " + me
	}
	inOrg := func(c string) string {
		if t.Column(c).Type != m.OrgType {
			return fmt.Sprintf("%s::text IN (SELECT mine::text FROM %s() mine)", name(c), helper(m, "tenant_orgs"))
		}
		return fmt.Sprintf("%s IN (SELECT %s())", name(c), helper(m, "tenant_orgs"))
	}
	o := m.Of(t)
	if o.Class == tenancy.ClassOrgs {
		return inOrg(m.OrgID)
	}
	var terms []string
	for _, c := range o.User {
		term := isMe(c)
		for _, org := range o.Org {
			term += " AND " + name(org) + " IS NULL"
		}
		terms = append(terms, term)
	}
	for _, c := range o.Org {
		terms = append(terms, inOrg(c))
	}
	for _, c := range o.Either {
		terms = append(terms, isMe(c), inOrg(c))
	}
	if len(o.User)+len(o.Org)+len(o.Either) == 0 || len(o.Parents) > 0 {
		for _, p := range o.Parents {
			terms = append(terms, fmt.Sprintf("EXISTS (SELECT FROM %s p WHERE %s)", p.Table.SQL(), p.Join(t.SQL(), "p")))
		}
	}
	return strings.Join(terms, " OR ")
}

// disown gives a table to the role of DatabaseURL, and the app role the rights that it needs.
func (r *Run) disown(t *catalog.Relation) string {
	return fmt.Sprintf("ALTER TABLE %s OWNER TO %s;\nGRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s;", t.SQL(), pgx.Identifier{r.dialer.Truth}.Sanitize(), t.SQL(), r.appSQL())
}

// unbecome takes from the app role the memberships that lead to another role.
func (r *Run) unbecome(ctx context.Context, role string) string {
	direct, err := query.Strings(ctx, r.admin, fmt.Sprintf(`SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles a ON a.oid = m.member
		WHERE a.rolname = %s AND pg_has_role(g.oid, (SELECT oid FROM pg_roles WHERE rolname = %s), 'MEMBER') ORDER BY 1`, query.Literal(r.cfg.AppRole), query.Literal(role)))
	if err != nil || len(direct) == 0 {
		direct = []string{role}
	}
	var fixes []string
	for _, d := range direct {
		fixes = append(fixes, fmt.Sprintf("REVOKE %s FROM %s;", pgx.Identifier{d}.Sanitize(), r.appSQL()))
	}
	return strings.Join(fixes, "\n")
}

// pin is SQL that fixes a function's search_path to the schemas that it needs, with temporary tables last.
func (r *Run) pin(f *catalog.Function) string {
	path := []string{"pg_catalog"}
	for _, t := range r.shadowable(f) {
		if name := (pgx.Identifier{t.Schema}).Sanitize(); !slices.Contains(path, name) {
			path = append(path, name)
		}
	}
	if len(path) == 1 {
		path = append(path, pgx.Identifier{f.Schema}.Sanitize())
	}
	return fmt.Sprintf("ALTER ROUTINE %s(%s) SET search_path = %s, pg_temp;", f.SQL(), f.Arguments, strings.Join(path, ", "))
}
