package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// maxDepth bounds chains of parents. A longer chain, or a cycle, counts as leading nowhere.
const maxDepth = 6

// Side says who evaluates a condition. The truth sees every row. An attacker sees the parents
// that policies show, so a parent that it cannot see counts as another tenant's until the truth
// has been asked.
type Side bool

// The sides.
const (
	Truth    Side = true
	Attacker Side = false
)

// Foreign is a condition on a row of r that holds when the row is another tenant's than the
// identity's.
func (m *Model) Foreign(r *catalog.Relation, alias string, w IdentitySQL, side Side) string {
	condition := foreign{m, w, side}.row(r, alias, 0)
	// A query in it may need rights that an attacker lacks, so the truth has to be asked.
	if m.PublicRows(r) != "" && (side == Truth || !publicAsks(m, r)) {
		condition = fmt.Sprintf("(NOT %s AND %s)", m.Public(r, alias), condition)
	}
	if shared := Shared(m, ToRead).With(w, r, alias); shared != "" && side == Truth {
		return fmt.Sprintf("(NOT %s AND %s)", shared, condition)
	}
	return condition
}

// publicAsks reports whether the condition of public rows contains a query.
func publicAsks(m *Model, r *catalog.Relation) bool {
	return strings.Contains(strings.ToLower(m.PublicRows(r)), "select")
}

type foreign struct {
	model    *Model
	identity IdentitySQL
	side     Side
}

func (f foreign) row(r *catalog.Relation, alias string, depth int) string {
	if depth > maxDepth {
		return "false"
	}
	m, w := f.model, f.identity
	switch m.Of(r).Class {
	case ClassUsers:
		return fmt.Sprintf("(NOT %s AND NOT coalesce(%s = ANY(%s), false))",
			m.IsPerson(r, alias, m.Users.ID, w), query.Column(alias, m.Users.ID), w.CoMembers)
	case ClassOrgs:
		return "NOT " + m.IsOrg(r, alias, m.Orgs.ID, w)
	case ClassMembers:
		// The Person whom a membership names may know of it.
		return fmt.Sprintf("(%s IS NOT NULL AND NOT %s AND NOT %s)", query.Column(alias, m.Membership.Org),
			m.IsOrg(r, alias, m.Membership.Org, w), m.IsPerson(r, alias, m.Membership.Person, w))
	case ClassTenant:
		row := f.tenantRow(r, alias, depth)
		if m.IsProfile(r) {
			shared := fmt.Sprintf("coalesce(%s = ANY(%s), false)", query.Column(alias, r.Key[0]), w.CoMembers)
			return fmt.Sprintf("(%s AND NOT %s)", row, shared)
		}
		return row
	}
	return "false"
}

func (f foreign) tenantRow(r *catalog.Relation, alias string, depth int) string {
	m, w, o := f.model, f.identity, f.model.Of(r)
	if o.Derived() && f.side == Attacker {
		return "true" // the truth has to be asked
	}
	var set, mine []string
	if o.PersonSQL != "" {
		id := OnRow(o.PersonSQL, r, alias) + "::text"
		set = append(set, id+" IS NOT NULL")
		mine = append(mine, fmt.Sprintf("coalesce(%s = %s::text, false)", id, w.Person))
	}
	for _, c := range o.Persons {
		set, mine = append(set, query.Column(alias, c)+" IS NOT NULL"), append(mine, m.IsPerson(r, alias, c, w))
	}
	for _, c := range o.Either {
		set = append(set, query.Column(alias, c)+" IS NOT NULL")
		mine = append(mine, m.IsPerson(r, alias, c, w), m.IsOrg(r, alias, c, w))
	}
	for _, p := range o.Parents {
		up := fmt.Sprintf("p%d", depth+1)
		exists := func(condition string) string {
			return fmt.Sprintf("EXISTS (SELECT FROM %s %s WHERE %s AND %s)", p.Table.SQL(), up, p.JoinSQL(alias, up),
				condition)
		}
		foreign := f.row(p.Table, up, depth+1)
		mine = append(mine, exists("NOT "+foreign))
		if f.side == Truth {
			set = append(set, exists(foreign))
		} else {
			set = append(set, query.Column(alias, p.Columns[0])+" IS NOT NULL")
		}
	}
	rest := "false"
	if len(set) > 0 {
		rest = fmt.Sprintf("(%s AND NOT %s)", query.AnyOf(set), query.AnyOf(mine))
	}
	if len(o.Orgs) == 0 && o.OrgSQL == "" {
		return rest
	}
	var orgSet, orgMine []string
	if o.OrgSQL != "" {
		id := OnRow(o.OrgSQL, r, alias) + "::text"
		orgSet = append(orgSet, id+" IS NOT NULL")
		orgMine = append(orgMine, fmt.Sprintf("coalesce(%s = ANY(%s::text[]), false)", id, w.Orgs))
	}
	for _, c := range o.Orgs {
		orgSet = append(orgSet, query.Column(alias, c)+" IS NOT NULL")
		orgMine = append(orgMine, m.IsOrg(r, alias, c, w))
	}
	if o.Both {
		return fmt.Sprintf("(%s AND NOT %s)", query.AnyOf(slices.Concat(orgSet, set)),
			query.AnyOf(slices.Concat(orgMine, mine)))
	}
	return fmt.Sprintf("CASE WHEN %s THEN NOT %s ELSE %s END", query.AnyOf(orgSet), query.AnyOf(orgMine), rest)
}

// Writing is how a row came to be as it is.
type Writing bool

const (
	// Placed is a row that was inserted, or moved to another tenant.
	Placed Writing = true
	// Changed is a row that was there before.
	Changed Writing = false
)

// ForeignWrite is [Model.Foreign] from the truth's side for rows that a session wrote, and
// stricter: the Person whom a membership names may accept or end it but not create it, and
// sharing an Org with somebody gives no right to change their account, unless accounts are the
// Org's own: each says in a column of its own which Org it is in.
func (m *Model) ForeignWrite(r *catalog.Relation, alias string, w IdentitySQL, by Writing) string {
	condition := foreign{m, w, Truth}.written(r, alias, by)
	if shared := Shared(m, ToWrite).With(w, r, alias); shared != "" {
		return fmt.Sprintf("(NOT %s AND %s)", shared, condition)
	}
	return condition
}

func (f foreign) written(r *catalog.Relation, alias string, by Writing) string {
	m, w := f.model, f.identity
	switch m.Of(r).Class {
	case ClassMembers:
		if by == Placed {
			org := m.Membership.Org
			return fmt.Sprintf("(%s IS NOT NULL AND NOT %s)", query.Column(alias, org), m.IsOrg(r, alias, org, w))
		}
	case ClassUsers:
		mine := m.IsPerson(r, alias, m.Users.ID, w)
		if home := m.Membership.HomeColumn; home != "" && by == Placed {
			return fmt.Sprintf("(%s IS NOT NULL AND NOT %s)", query.Column(alias, home), m.IsOrg(r, alias, home, w))
		} else if home != "" {
			mine = query.AnyOf([]string{mine, m.IsOrg(r, alias, home, w)})
		}
		return "NOT " + mine
	case ClassTenant:
		if m.IsProfile(r) {
			return f.tenantRow(r, alias, 0)
		}
	}
	return f.row(r, alias, 0)
}

// Certain reports whether the columns of a row that an attacker sees decide whose it is. Where
// its parent, SQL of the configuration or the table of a view decides, the truth has to.
func (m *Model) Certain(r *catalog.Relation) bool {
	o := m.Of(r)
	return o.Class != ClassTenant ||
		len(o.Parents) == 0 && !o.Derived() && !publicAsks(m, r) && Shared(m, ToRead).Query(r) == "" &&
			Published(m, r) == nil
}

// Owner is an expression for whose a row is, as [Tenant.String] renders it. It is NULL for a row
// that is no tenant's.
func (m *Model) Owner(r *catalog.Relation, alias string) string { return m.owner(r, alias, 0) }

func (m *Model) owner(r *catalog.Relation, alias string, depth int) string {
	o := m.Of(r)
	label := func(kind OwnerKind, name string) string {
		return fmt.Sprintf("'%s ' || %s::text", kind, query.Column(alias, name))
	}
	switch {
	case depth > maxDepth:
		return "NULL"
	case o.Class == ClassUsers:
		return label(Person, m.Users.ID)
	case o.Class == ClassOrgs:
		return label(Org, m.Orgs.ID)
	case o.Class == ClassMembers:
		return label(Org, m.Membership.Org)
	case o.Class != ClassTenant:
		return "NULL"
	}
	parts := []string{"NULL"}
	if o.OrgSQL != "" {
		parts = append(parts, fmt.Sprintf("'%s ' || %s::text", Org, OnRow(o.OrgSQL, r, alias)))
	}
	for _, c := range o.Orgs {
		parts = append(parts, label(Org, c))
	}
	// A child row goes with its parent; the Person that it also names is its author.
	for _, p := range o.Parents {
		up := fmt.Sprintf("p%d", depth+1)
		parts = append(parts, fmt.Sprintf("(SELECT %s FROM %s %s WHERE %s LIMIT 1)",
			m.owner(p.Table, up, depth+1), p.Table.SQL(), up, p.JoinSQL(alias, up)))
	}
	if o.PersonSQL != "" {
		parts = append(parts, fmt.Sprintf("'%s ' || %s::text", Person, OnRow(o.PersonSQL, r, alias)))
	}
	for _, c := range o.Persons {
		parts = append(parts, label(Person, c))
	}
	for _, c := range o.Either {
		if m.HasOrgs() {
			id := query.Column("x", m.Orgs.ID)
			parts = append(parts, fmt.Sprintf("(SELECT '%[1]s ' || %[2]s::text FROM %[3]s x WHERE %[2]s::text = "+
				"%[4]s::text)",
				Org, id, m.Orgs.Table.SQL(), query.Column(alias, c)))
		}
		parts = append(parts, label(Person, c))
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")"
}

// OwnedBy is the condition, on the alias a, that a row is a tenant's. Indexes serve it better
// than a comparison of the whole owner.
func (m *Model) OwnedBy(r *catalog.Relation, t Tenant) string {
	o := m.Of(r)
	quick := "true"
	if r.IsView() && len(o.Orgs)+len(o.Persons) == 0 && len(o.Either) == 1 && m.Users.Type == "uuid" {
		// Who reads the view need not be able to read the tenants, and no Org has a Person's id.
		return query.Column("a", o.Either[0]) + "::text = " + query.Literal(t.ID)
	}
	switch {
	case t.Kind == Person && len(o.Persons) == 1 && len(o.Parents)+len(o.Either) == 0:
		quick = query.Column("a", o.Persons[0]) + "::text = " + query.Literal(t.ID)
	case t.IsOrg() && len(o.Orgs) == 1:
		quick = query.Column("a", o.Orgs[0]) + "::text = " + query.Literal(t.ID)
	}
	return fmt.Sprintf("%s AND %s = %s", quick, m.Owner(r, "a"), query.Literal(t.String()))
}

// RowKey is an expression that names a row by its primary key, for people.
func (m *Model) RowKey(r *catalog.Relation, alias string) string {
	if len(r.Key) == 0 {
		if r.HasRowIDs() {
			return fmt.Sprintf("'ctid ' || %s.ctid::text", alias)
		}
		return "''"
	}
	parts := make([]string, len(r.Key))
	for i, k := range r.Key {
		parts[i] = query.Literal(k+" ") + " || " + query.Column(alias, k) + "::text"
	}
	return strings.Join(parts, " || ', ' || ")
}

// Holding are the columns of a row that hold tenants of a kind, whoever owns it: its owner's, and
// those with a foreign key to the tenants, such as who made the row.
func (m *Model) Holding(r *catalog.Relation, kind OwnerKind) []string {
	o, tenants := m.Of(r), m.TableOf(kind)
	holding := slices.Clone(o.Persons)
	if kind == Org {
		holding = slices.Clone(o.Orgs)
	}
	for _, fk := range r.ForeignKeys {
		if tenants.Table != nil && fk.Target == tenants.Table.OID && len(fk.Columns) == 1 &&
			fk.TargetCols[0] == tenants.ID && !slices.Contains(slices.Concat(holding, o.Either), fk.Columns[0]) {
			holding = append(holding, fk.Columns[0])
		}
	}
	return holding
}

// Names is the condition, on the alias a, that a row names the identity's Person.
func (m *Model) Names(r *catalog.Relation, i Identity) string {
	o, w := m.Of(r), m.IdentitySQL(i)
	if o.Class == ClassUsers {
		return m.IsPerson(r, "a", m.Users.ID, w)
	}
	conditions := []string{"false"}
	for _, c := range o.Persons {
		conditions = append(conditions, m.IsPerson(r, "a", c, w))
	}
	return strings.Join(conditions, " OR ")
}
