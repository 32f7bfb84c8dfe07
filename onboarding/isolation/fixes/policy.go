package fixes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Close closes a relation to an operation: by a restrictive policy, which holds whatever
// permissive ones allow, or by taking rights away where there are no policies.
func (w *Writer) Close(t *catalog.Relation, operation results.Operation) string {
	o := w.Model.Of(t)
	switch {
	case t.Kind == catalog.MaterializedView:
		return w.Revoke("ALL", t, "a materialized view has no policies")
	case t.Kind == catalog.ForeignTable:
		return w.Revoke("ALL", t, "a foreign table has no policies")
	case t.Kind == catalog.View && operation != results.Read:
		return w.Revoke(strings.ToUpper(string(operation)), t, "no policy of the session's applies to what it writes")
	case t.Kind == catalog.View && w.Model.Catalog.Version >= catalog.Version15:
		return fmt.Sprintf("ALTER VIEW %s SET (security_invoker = true);", t.SQL())
	case t.Kind == catalog.View:
		return fmt.Sprintf("ALTER VIEW %s OWNER TO %s;", t.SQL(), w.app()) +
			comment("its tables' policies then apply; security_invoker needs PostgreSQL 15")
	case t.Partition:
		return w.Revoke("ALL", t, "reach it through its parent")
	case !o.Owned():
		return w.Revoke("ALL", t, "it repeats tenants' rows and does not say whose")
	}
	if !w.Settings.TellsUser() {
		return fmt.Sprintf("-- add a restrictive policy on %s that lets a session reach only rows of its own tenant", t)
	}
	return w.protect(t, o)
}

// protect switches row-level security on and adds restrictive policies.
func (w *Writer) protect(t *catalog.Relation, o *tenancy.Ownership) string {
	var sql strings.Builder
	if !t.RLS {
		fmt.Fprintf(&sql, "ALTER TABLE %s ENABLE ROW LEVEL SECURITY;\n", t.SQL())
	}
	if !t.Forced {
		fmt.Fprintf(&sql, "ALTER TABLE %s FORCE ROW LEVEL SECURITY;\n", t.SQL())
	}
	sql.WriteString(w.functions(t, o))
	if !slices.ContainsFunc(t.Policies, func(p catalog.Policy) bool { return p.Permissive && p.Applies }) {
		fmt.Fprintf(&sql, "DROP POLICY IF EXISTS tenant ON %[1]s;\nCREATE POLICY tenant ON %[1]s TO %[2]s USING "+
			"(true);\n",
			t.SQL(), w.app())
	}
	for _, f := range w.fences(t, o) {
		clause := "USING"
		if f.command == "INSERT" {
			clause = "WITH CHECK"
		}
		fmt.Fprintf(&sql, "DROP POLICY IF EXISTS %[1]s ON %[2]s;\nCREATE POLICY %[1]s ON %[2]s AS RESTRICTIVE FOR "+
			"%[3]s TO %[4]s %[5]s (%[6]s);\n",
			f.name, t.SQL(), f.command, w.app(), clause, f.condition)
	}
	return strings.TrimSpace(sql.String())
}

// fence is a restrictive policy.
type fence struct{ name, command, condition string }

func (w *Writer) fences(t *catalog.Relation, o *tenancy.Ownership) []fence {
	m, me := w.Model, w.me()
	switch o.Class {
	case tenancy.ClassUsers:
		id := query.Name(m.Users.ID)
		return []fence{
			{"tenant_fence_read", "SELECT", fmt.Sprintf("%[1]s = %[2]s OR %[1]s IN (SELECT %[3]s())", id, me,
				w.function("tenant_co_members"))},
			{"tenant_fence_update", "UPDATE", id + " = " + me},
			{"tenant_fence_delete", "DELETE", id + " = " + me},
		}
	case tenancy.ClassMembers:
		mine := fmt.Sprintf("%s IN (SELECT %s())", query.Name(m.Membership.Org), w.function("tenant_orgs"))
		named := fmt.Sprintf("%s OR %s = %s", mine, query.Name(m.Membership.Person), me)
		return []fence{
			{"tenant_fence_read", "SELECT", named},
			{"tenant_fence_insert", "INSERT", mine},
			{"tenant_fence_update", "UPDATE", mine},
			{"tenant_fence_delete", "DELETE", named},
		}
	}
	own := w.own(t, o)
	if m.IsProfile(t) && m.HasOrgs() {
		return []fence{
			{"tenant_fence_read", "SELECT", fmt.Sprintf("%s OR %s IN (SELECT %s())", own, query.Name(t.Key[0]),
				w.function("tenant_co_members"))},
			{"tenant_fence_insert", "INSERT", own},
			{"tenant_fence_update", "UPDATE", own},
			{"tenant_fence_delete", "DELETE", own},
		}
	}
	read, write := own, own
	if public := m.PublicRows(t); public != "" {
		if strings.Contains(public, "r.") { // by the alias of the configuration
			public = tenancy.OnRow(public, t, t.SQL())
		}
		read = fmt.Sprintf("(%s) OR (%s)", public, own)
	}
	for _, s := range w.sharings(t) {
		if s.to == tenancy.ToRead {
			read = s.orShared(read)
		} else {
			write = s.orShared(write)
		}
	}
	if read == own && write == own {
		return []fence{{"tenant_fence", "ALL", own}}
	}
	return []fence{
		{"tenant_fence_read", "SELECT", read},
		{"tenant_fence_insert", "INSERT", own},
		{"tenant_fence_update", "UPDATE", write},
		{"tenant_fence_delete", "DELETE", write},
	}
}

// me is the session's Person, or NULL.
func (w *Writer) me() string {
	return fmt.Sprintf("%s::%s", w.Settings.UserSQL(), w.Model.Users.Type)
}

// function is the name of a function that the policies bring along, in the schema of users.
func (w *Writer) function(name string) string { return query.Name(w.Model.Users.Table.Schema, name) }

// functions are functions that list what a session belongs to. They run with their definer's
// rights, since a policy that reads its own table would recurse.
func (w *Writer) functions(t *catalog.Relation, o *tenancy.Ownership) string {
	m, me := w.Model, w.me()
	var shared strings.Builder
	for _, s := range w.sharings(t) {
		shared.WriteString(create(s.function, "text", fmt.Sprintf("SELECT shared.key::text FROM (%s) "+
			"shared(key, person) WHERE shared.person::text = (%s)::text", s.sql, me)))
	}
	orgs := fmt.Sprintf("SELECT mem.org FROM (%s) mem WHERE mem.person = %s AND mem.present", m.MembersSQL(), me)
	switch {
	case o.Class == tenancy.ClassUsers, m.IsProfile(t) && m.HasOrgs():
		body := fmt.Sprintf("SELECT other.person FROM (%s) other WHERE other.org IN (%s)", m.MembersSQL(), orgs)
		return create(w.function("tenant_co_members"), m.Users.Type, body)
	case o.Class == tenancy.ClassOrgs, o.Class == tenancy.ClassMembers, o.OrgSQL != "",
		len(o.Orgs)+len(o.Either) > 0 && m.HasOrgs():
		return shared.String() + create(w.function("tenant_orgs"), m.Orgs.Type, orgs)
	}
	return shared.String()
}

func create(function, returns, body string) string {
	return fmt.Sprintf("CREATE OR REPLACE FUNCTION %s() RETURNS SETOF %s LANGUAGE sql STABLE SECURITY DEFINER "+
		"SET search_path = pg_catalog, pg_temp AS $$ %s $$;\n", function, returns, body)
}

// sharing is how policies let a session reach the rows of a table that are shared with its Person.
type sharing struct {
	to            tenancy.Share
	key, function string
	sql           string // the query of the configuration
}

// sharings are how rows of a table are shared with single Persons.
func (w *Writer) sharings(t *catalog.Relation) []sharing {
	var found []sharing
	for _, s := range []sharing{
		{to: tenancy.ToRead, function: "_readers"}, {to: tenancy.ToWrite, function: "_writers"},
	} {
		if s.sql = tenancy.Shared(w.Model, s.to).Query(t); s.sql != "" {
			s.key, s.function = query.Name(t.Key[0]), w.function("tenant_"+t.Name+s.function)
			found = append(found, s)
		}
	}
	return found
}

func (s sharing) orShared(condition string) string {
	return fmt.Sprintf("%s OR %s::text IN (SELECT %s())", condition, s.key, s.function)
}

// own is the model's rule as a policy expression on a table's own columns.
func (w *Writer) own(t *catalog.Relation, o *tenancy.Ownership) string {
	m, me := w.Model, w.me()
	isMe := func(c string) string {
		if t.Column(c).Type != m.Users.Type {
			return fmt.Sprintf("%s::text = (%s)::text", query.Name(c), me)
		}
		return query.Name(c) + " = " + me
	}
	inOrg := func(c string) string {
		if t.Column(c).Type != m.Orgs.Type {
			return fmt.Sprintf("%s::text IN (SELECT mine::text FROM %s() mine)", query.Name(c),
				w.function("tenant_orgs"))
		}
		return fmt.Sprintf("%s IN (SELECT %s())", query.Name(c), w.function("tenant_orgs"))
	}
	if o.Class == tenancy.ClassOrgs {
		return inOrg(m.Orgs.ID)
	}
	var terms []string
	if o.PersonSQL != "" {
		terms = append(terms, fmt.Sprintf("%s::text = (%s)::text", tenancy.OnRow(o.PersonSQL, t, t.SQL()), me))
	}
	if o.OrgSQL != "" {
		terms = append(terms,
			fmt.Sprintf("%s::text IN (SELECT mine::text FROM %s() mine)", tenancy.OnRow(o.OrgSQL, t, t.SQL()),
				w.function("tenant_orgs")))
	}
	without := o.Orgs // a Person owns a row only without an Org, unless each row is both's
	if o.Both {
		without = nil
	}
	for _, c := range o.Persons {
		term := isMe(c)
		for _, org := range without {
			term += " AND " + query.Name(org) + " IS NULL"
		}
		terms = append(terms, term)
	}
	for _, c := range o.Orgs {
		terms = append(terms, inOrg(c))
	}
	for _, c := range o.Either {
		terms = append(terms, isMe(c), inOrg(c))
	}
	for _, p := range o.Parents {
		terms = append(terms, fmt.Sprintf("EXISTS (SELECT FROM %s p WHERE %s)", p.Table.SQL(),
			p.JoinSQL(t.SQL(), "p")))
	}
	return strings.Join(terms, " OR ")
}
