package tenancy

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// writing is how a row came to be written.
type Writing bool

const (
	Placed  Writing = true  // inserted, or moved
	Changed Writing = false // where it was
)

// foreignWrite is like foreign from the truth's side, but stricter: whom a membership names may accept or end it, and not make it; a Person that
// shares an Org with others owns none of their accounts.
func (m *Model) ForeignWrite(r *catalog.Relation, alias string, w IdentitySQL, by Writing) string {
	switch m.Of(r).Class {
	case ClassMembers:
		if by == Placed {
			return fmt.Sprintf("(%s IS NOT NULL AND NOT %s)", query.Column(alias, m.MemberOrg), m.isOrg(r, alias, m.MemberOrg, w))
		}
	case ClassUsers:
		return "NOT " + m.IsUser(r, alias, m.UserID, w)
	}
	return m.Foreign(r, alias, w, Truth)
}

// certain reports whether an attacker's own look at a table's columns decides whose a row is.
func (m *Model) Certain(r *catalog.Relation) bool {
	o := m.Of(r)
	return o.Class != ClassTenant || len(o.Parents) == 0
}

// rowKey is an expression that names a row by its primary key, for people.
func (m *Model) RowKey(r *catalog.Relation, alias string) string {
	if len(r.Key) == 0 {
		if r.HasRowIDs() {
			return fmt.Sprintf("'ctid ' || %s.ctid::text", alias)
		}
		return "''"
	}
	parts := make([]string, len(r.Key))
	for i, k := range r.Key {
		parts[i] = fmt.Sprintf("%s || %s::text", query.Literal(k+" "), query.Column(alias, k))
	}
	return strings.Join(parts, " || ', ' || ")
}

// who are SQL expressions for an identity: its Person, the Orgs that it belongs to, and the Persons it shares an Org with.
type IdentitySQL struct{ User, Orgs, Mates string }

// side says from where a condition is asked. The truth sees every row; an attacker sees the parents that policies show it, so
// that a parent out of sight counts as somebody else's until the truth has been asked.
type side bool

const (
	Truth    side = true
	Attacker side = false
)

func (m *Model) UserLiteral(id string) string {
	return "(" + query.Literal(id) + "::" + m.UserType + ")"
}

// identity renders an identity as literals.
func (m *Model) Identity(user *string, orgs, mates []string) IdentitySQL {
	w := IdentitySQL{User: "NULL::" + m.UserType, Orgs: "NULL::text[]", Mates: "'{}'::" + m.UserType + "[]"}
	if user != nil {
		w.User = m.UserLiteral(*user)
	}
	if m.Orgs != nil {
		w.Orgs = query.Array(orgs) + "::" + m.OrgType + "[]"
	}
	if len(mates) > 0 {
		w.Mates = query.Array(mates) + "::" + m.UserType + "[]"
	}
	return w
}

func (m *Model) IsUser(r *catalog.Relation, alias, name string, w IdentitySQL) string {
	if c := r.Column(name); c != nil && c.Type != m.UserType {
		return fmt.Sprintf("coalesce(%s::text = %s::text, false)", query.Column(alias, name), w.User)
	}
	return fmt.Sprintf("coalesce(%s = %s, false)", query.Column(alias, name), w.User)
}

func (m *Model) isOrg(r *catalog.Relation, alias, name string, w IdentitySQL) string {
	if m.Orgs == nil {
		return "false"
	}
	if c := r.Column(name); c != nil && c.Type != m.OrgType {
		return fmt.Sprintf("coalesce(%s::text = ANY(%s::text[]), false)", query.Column(alias, name), w.Orgs)
	}
	return fmt.Sprintf("coalesce(%s = ANY(%s), false)", query.Column(alias, name), w.Orgs)
}

func anyOf(conditions []string) string {
	if len(conditions) == 0 {
		return "false"
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

// foreign is a condition on a row of r that holds when the row is another tenant's.
func (m *Model) Foreign(r *catalog.Relation, alias string, w IdentitySQL, from side) string {
	return m.foreignAt(r, alias, w, from, 0)
}

func (m *Model) foreignAt(r *catalog.Relation, alias string, w IdentitySQL, from side, depth int) string {
	o := m.Of(r)
	if depth > maxDepth {
		return "false"
	}
	switch o.Class {
	case ClassUsers:
		return fmt.Sprintf("(NOT %s AND NOT coalesce(%s = ANY(%s), false))", m.IsUser(r, alias, m.UserID, w), query.Column(alias, m.UserID), w.Mates)
	case ClassOrgs:
		return "NOT " + m.isOrg(r, alias, m.OrgID, w)
	case ClassMembers:
		// Whoever a membership names may know of it.
		return fmt.Sprintf("(%s IS NOT NULL AND NOT %s AND NOT %s)", query.Column(alias, m.MemberOrg), m.isOrg(r, alias, m.MemberOrg, w), m.IsUser(r, alias, m.MemberUser, w))
	case ClassTenant:
	default:
		return "false"
	}
	var set, mine []string
	for _, c := range o.User {
		set, mine = append(set, query.Column(alias, c)+" IS NOT NULL"), append(mine, m.IsUser(r, alias, c, w))
	}
	for _, c := range o.Either {
		set, mine = append(set, query.Column(alias, c)+" IS NOT NULL"), append(mine, m.IsUser(r, alias, c, w), m.isOrg(r, alias, c, w))
	}
	for _, p := range o.Parents {
		up := fmt.Sprintf("p%d", depth+1)
		// The parent's columns are the child's to name in a join, and FK types match.
		exists := func(condition string) string {
			return fmt.Sprintf("EXISTS (SELECT FROM %s %s WHERE %s AND %s)", p.Table.SQL(), up, p.Join(alias, up), condition)
		}
		foreign := m.foreignAt(p.Table, up, w, from, depth+1)
		mine = append(mine, exists("NOT "+foreign))
		if from == Truth {
			set = append(set, exists(foreign))
		} else {
			set = append(set, query.Column(alias, p.Columns[0])+" IS NOT NULL")
		}
	}
	rest := "false"
	if len(set) > 0 {
		rest = fmt.Sprintf("(%s AND NOT %s)", anyOf(set), anyOf(mine))
	}
	if len(o.Org) == 0 {
		return rest
	}
	var orgSet, orgMine []string
	for _, c := range o.Org {
		orgSet, orgMine = append(orgSet, query.Column(alias, c)+" IS NOT NULL"), append(orgMine, m.isOrg(r, alias, c, w))
	}
	return fmt.Sprintf("CASE WHEN %s THEN NOT %s ELSE %s END", anyOf(orgSet), anyOf(orgMine), rest)
}

// owner is an expression for whose a row is: "Person ID", "Org ID" or NULL for nobody's.
func (m *Model) Owner(r *catalog.Relation, alias string) string { return m.ownerAt(r, alias, 0) }

func (m *Model) ownerAt(r *catalog.Relation, alias string, depth int) string {
	o := m.Of(r)
	label := func(kind, name string) string {
		return fmt.Sprintf("'%s ' || %s::text", kind, query.Column(alias, name))
	}
	switch {
	case depth > maxDepth:
		return "NULL"
	case o.Class == ClassUsers:
		return label("Person", m.UserID)
	case o.Class == ClassOrgs:
		return label("Org", m.OrgID)
	case o.Class == ClassMembers:
		return label("Org", m.MemberOrg)
	case o.Class != ClassTenant:
		return "NULL"
	}
	parts := []string{"NULL"}
	for _, c := range o.Org {
		parts = append(parts, label("Org", c))
	}
	// A child row goes with its parent; the Person it also names is its author.
	for _, p := range o.Parents {
		up := fmt.Sprintf("p%d", depth+1)
		parts = append(parts, fmt.Sprintf("(SELECT %s FROM %s %s WHERE %s LIMIT 1)", m.ownerAt(p.Table, up, depth+1), p.Table.SQL(), up, p.Join(alias, up)))
	}
	for _, c := range o.User {
		parts = append(parts, label("Person", c))
	}
	for _, c := range o.Either {
		if m.Orgs == nil {
			parts = append(parts, label("Person", c))
			continue
		}
		parts = append(parts, fmt.Sprintf("(SELECT 'Org ' || x.%s::text FROM %s x WHERE x.%s::text = %s::text)",
			pgx.Identifier{m.OrgID}.Sanitize(), m.Orgs.SQL(), pgx.Identifier{m.OrgID}.Sanitize(), query.Column(alias, c)), label("Person", c))
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")"
}

// membersSQL lists (org, person) pairs, present or former, with whether they are present.
func (m *Model) MembersSQL() string {
	var parts []string
	if m.Members != nil {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, %s AS person, coalesce(%s, false) AS present FROM %s m WHERE %s IS NOT NULL AND %s IS NOT NULL",
			query.Column("m", m.MemberOrg), query.Column("m", m.MemberUser), m.present, m.Members.SQL(), query.Column("m", m.MemberOrg), query.Column("m", m.MemberUser)))
	}
	if m.OwnerColumn != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, %s AS person, true AS present FROM %s o WHERE %s IS NOT NULL",
			query.Column("o", m.OrgID), query.Column("o", m.OwnerColumn), m.Orgs.SQL(), query.Column("o", m.OwnerColumn)))
	}
	if m.HomeColumn != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, %s AS person, true AS present FROM %s u WHERE %s IS NOT NULL",
			query.Column("u", m.HomeColumn), query.Column("u", m.UserID), m.Users.SQL(), query.Column("u", m.HomeColumn)))
	}
	if m.rosterColumn != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS org, r.person AS person, true AS present FROM %s o, unnest(%s) r(person) WHERE r.person IS NOT NULL",
			query.Column("o", m.OrgID), m.Orgs.SQL(), query.Column("o", m.rosterColumn)))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("SELECT NULL::%s AS org, NULL::%s AS person, false AS present WHERE false", m.OrgType, m.UserType)
	}
	return strings.Join(parts, " UNION ALL ")
}

// ownedBy is a condition that indexes serve better than comparing the whole owner.
func (m *Model) OwnedBy(t *catalog.Relation, v Tenant) string {
	o := m.Of(t)
	quick := "true"
	switch {
	case v.Person != "" && len(o.User) == 1 && len(o.Either) == 0:
		quick = fmt.Sprintf("%s::text = %s", query.Column("a", o.User[0]), query.Literal(v.Person))
	case v.Org != "" && len(o.Org) == 1:
		quick = fmt.Sprintf("%s::text = %s", query.Column("a", o.Org[0]), query.Literal(v.Org))
	}
	return fmt.Sprintf("%s AND %s = %s", quick, m.Owner(t, "a"), query.Literal(v.String()))
}
