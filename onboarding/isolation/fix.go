package isolation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// fence is SQL that closes a table: a restrictive policy holds whatever permissive ones allow.
func (r *run) fence(t *relation) string {
	role := pgx.Identifier{r.cfg.AppRole}.Sanitize()
	if t.isView() {
		if t.Kind == "m" {
			return fmt.Sprintf("REVOKE ALL ON %s FROM %s, PUBLIC; -- a materialised view has no policies", t.SQL(), role)
		}
		if r.m.cat.Version >= 150000 {
			return fmt.Sprintf("ALTER VIEW %s SET (security_invoker = true);", t.SQL())
		}
		return fmt.Sprintf("ALTER VIEW %s OWNER TO %s; -- so that its tables' policies apply (security_invoker needs PostgreSQL 15)", t.SQL(), role)
	}
	if t.Kind == "f" {
		return fmt.Sprintf("REVOKE ALL ON %s FROM %s, PUBLIC; -- a foreign table has no policies", t.SQL(), role)
	}
	if t.Partition {
		return fmt.Sprintf("REVOKE ALL ON %s FROM %s, PUBLIC; -- reach it through its parent", t.SQL(), role)
	}
	var sql strings.Builder
	if !t.RLS {
		fmt.Fprintf(&sql, "ALTER TABLE %s ENABLE ROW LEVEL SECURITY;\n", t.SQL())
	}
	if !t.Forced {
		fmt.Fprintf(&sql, "ALTER TABLE %s FORCE ROW LEVEL SECURITY;\n", t.SQL())
	}
	mine := r.m.ownSQL(t, r.cfg.Settings)
	if !slices.ContainsFunc(t.Policies, func(p policy) bool { return p.Permissive && p.Applies }) {
		fmt.Fprintf(&sql, "CREATE POLICY tenant ON %s TO %s USING (%s);\n", t.SQL(), role, mine)
		return strings.TrimSpace(sql.String())
	}
	fmt.Fprintf(&sql, "CREATE POLICY tenant_fence ON %s AS RESTRICTIVE TO %s USING (%s);", t.SQL(), role, mine)
	return sql.String()
}

// ownSQL is the model's rule as a policy expression on a table's own columns.
func (m *model) ownSQL(t *relation, names Settings) string {
	me := fmt.Sprintf("nullif(current_setting(%s, true), '')::%s", literal(names.User), m.userType)
	name := func(c string) string { return pgx.Identifier{c}.Sanitize() }
	var orgs []string
	if m.members != nil {
		orgs = append(orgs, fmt.Sprintf("SELECT m.%s FROM %s m WHERE m.%s = %s AND %s", name(m.memberOrg), m.members.SQL(), name(m.memberUser), me, m.present))
	}
	if m.ownerColumn != "" {
		orgs = append(orgs, fmt.Sprintf("SELECT o.%s FROM %s o WHERE o.%s = %s", name(m.orgID), m.orgs.SQL(), name(m.ownerColumn), me))
	}
	inOrg := func(c string) string {
		if len(orgs) == 0 {
			return "false"
		}
		return fmt.Sprintf("%s IN (%s)", name(c), strings.Join(orgs, " UNION "))
	}
	o := m.of(t)
	switch o.Class {
	case classUsers:
		return name(m.userID) + " = " + me
	case classOrgs:
		return inOrg(m.orgID)
	case classMembers:
		// A policy that asks its own table recurses: a SECURITY DEFINER helper has to list the Orgs.
		return fmt.Sprintf("%s IN (SELECT my_orgs()) /* a SECURITY DEFINER function, search_path pinned: %s */", name(m.memberOrg), strings.Join(orgs, " UNION "))
	}
	var terms []string
	for _, c := range o.User {
		term := name(c) + " = " + me
		for _, org := range o.Org {
			term += " AND " + name(org) + " IS NULL"
		}
		terms = append(terms, term)
	}
	for _, c := range o.Org {
		terms = append(terms, inOrg(c))
	}
	for _, c := range o.Either {
		terms = append(terms, name(c)+" = "+me, inOrg(c))
	}
	if len(terms) == 0 {
		for _, p := range o.Parents {
			terms = append(terms, fmt.Sprintf("EXISTS (SELECT FROM %s p WHERE %s)", p.Table.SQL(), p.join(t.SQL(), "p")))
		}
	}
	return strings.Join(terms, " OR ")
}
