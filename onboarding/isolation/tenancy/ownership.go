package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Class is what a relation's rows are.
type Class string

// The classes of relations.
const (
	ClassPlatform     Class = "platform"     // no tenant's
	ClassTenant       Class = "tenant"       // a tenant's, as the row's columns or its parent say
	ClassUsers        Class = "users"        // each row is a Person
	ClassOrgs         Class = "orgs"         // each row is an Org
	ClassMembers      Class = "members"      // a row puts a Person into an Org, and is the Org's
	ClassUnclassified Class = "unclassified" // seems to be a tenant's, and nothing says whose
)

// Ownership says whose the rows of one relation are.
type Ownership struct {
	Class   Class
	Persons []string // columns that hold a Person
	Orgs    []string // columns that hold an Org
	Either  []string // columns that hold a Person or an Org
	Both    bool     // a row is its Person's and its Org's alike
	Parents []ParentLink
	// PersonSQL and OrgSQL are SQL of the configuration for the id of the Person or the Org, and
	// reads the columns that it names.
	PersonSQL, OrgSQL string
	reads             []string
	// Why is what led to this, for people.
	Why string
	// Configured says that the configuration led to it.
	Configured bool
}

// Direct reports whether a column of the row itself says whose it is.
func (o *Ownership) Direct() bool { return len(o.Persons)+len(o.Orgs)+len(o.Either) > 0 }

// Derived reports whether SQL of the configuration says whose a row is.
func (o *Ownership) Derived() bool { return o.PersonSQL != "" || o.OrgSQL != "" }

// Owned reports whether rows have owners that other tenants must respect.
func (o *Ownership) Owned() bool { return o.Class != ClassPlatform && o.Class != ClassUnclassified }

// AreTenants reports whether each row is a tenant.
func (o *Ownership) AreTenants() bool { return o.Class == ClassUsers || o.Class == ClassOrgs }

// Columns returns the columns of the relation that decide whose a row is.
func (o *Ownership) Columns() []string {
	all := slices.Concat(o.Orgs, o.Persons, o.Either, o.reads)
	for _, p := range o.Parents {
		all = append(all, p.Columns...)
		if p.Kind != "" {
			all = append(all, p.Kind)
		}
	}
	var distinct []string
	for _, c := range all {
		if !slices.Contains(distinct, c) {
			distinct = append(distinct, c)
		}
	}
	return distinct
}

// linked reports whether columns lead to a parent or hold a Person already.
func (o *Ownership) linked(columns []string) bool {
	return slices.ContainsFunc(o.Parents, func(p ParentLink) bool { return slices.Equal(p.Columns, columns) }) ||
		slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(o.Persons, c) })
}

// explain adds to what led to the ownership.
func (o *Ownership) explain(format string, args ...any) {
	if o.Why != "" {
		o.Why += ", "
	}
	o.Why += fmt.Sprintf(format, args...)
}

// ParentLink leads from columns of a row to the row that it goes with.
type ParentLink struct {
	Columns    []string
	Table      *catalog.Relation
	TargetCols []string
	// Cast says that the columns' types differ, so they are compared as text.
	Cast bool
	// Period says that the last columns are ranges that overlap.
	Period bool
	// Kind is the column that says which table a row goes with, and KindValue its value for this
	// one. Both are empty where the columns lead to one table.
	Kind, KindValue string
}

// JoinSQL is the condition that joins a row with its parent.
func (p ParentLink) JoinSQL(child, parent string) string {
	condition := catalog.JoinSQL(catalog.Join{
		Columns: p.Columns, TargetCols: p.TargetCols, Cast: p.Cast, Period: p.Period,
	}, child, parent)
	if p.Kind != "" {
		condition += " AND " + query.Column(child, p.Kind) + "::text = " + query.Literal(p.KindValue)
	}
	return condition
}

// CoOwner is an expression for the id, as text, of the Person who owns a row beside its Org, by
// the row's columns or by its parent. It is NULL for a row with one owner, and "" where all rows
// have one.
func CoOwner(m *Model, r *catalog.Relation, alias string) string { return coOwner(m, r, alias, 0) }

func coOwner(m *Model, r *catalog.Relation, alias string, depth int) string {
	o := m.Of(r)
	switch {
	case depth > maxDepth || o.Class != ClassTenant:
		return ""
	case o.Both && o.PersonSQL != "":
		return OnRow(o.PersonSQL, r, alias) + "::text"
	case o.Both:
		return query.Column(alias, o.Persons[0]) + "::text"
	case len(o.Orgs) > 0:
		return ""
	}
	var parts []string
	for _, p := range o.Parents {
		up := fmt.Sprintf("p%d", depth+1)
		if owner := coOwner(m, p.Table, up, depth+1); owner != "" {
			parts = append(parts, fmt.Sprintf("(SELECT %s FROM %s %s WHERE %s LIMIT 1)",
				owner, p.Table.SQL(), up, p.JoinSQL(alias, up)))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "coalesce(" + strings.Join(parts, ", ") + ")"
}
