package tenancy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// findMembership finds the table that says who is in which Org, and the condition for being in
// it now.
func (d *discovery) findMembership() {
	if !d.m.HasOrgs() {
		return
	}
	d.m.Membership.query = d.config.Membership.Query
	best := d.membershipTable()
	if named := d.config.Membership.Table; named != "" && (best == nil || best.String() != named) {
		d.m.Notes = append(d.m.Notes, fmt.Sprintf("isolation.membership.table: %s is not used, since it is no table "+
			"with columns that lead to %s and to %s", named, d.m.Users.Table, d.m.Orgs.Table))
	}
	if best == nil && d.findRosters() {
		return
	}
	if best == nil {
		d.m.Notes = append(d.m.Notes, "no membership table found: only owners count as members of an Org")
		return
	}
	ms := &d.m.Membership
	ms.Table = best
	ms.Person, ms.Org, _ = pair(best, d.m.own[best.OID])
	d.m.own[best.OID] = &Ownership{Class: ClassMembers, Persons: []string{ms.Person}, Orgs: []string{ms.Org},
		Why: "who is in which Org"}
	if ms.present = d.config.Membership.Present; ms.present == "" {
		ms.present = presence(best)
	}
}

// findRosters finds who is in which Org in the columns of users and orgs themselves.
func (d *discovery) findRosters() bool {
	ms := &d.m.Membership
	if home := d.leading(d.m.Users.Table, d.m.Orgs, d.orgNames()); len(home) > 0 {
		ms.HomeColumn = home[0]
	}
	for _, c := range d.m.Orgs.Table.Columns {
		if c.Type == d.m.Users.Type+"[]" {
			ms.RosterColumn = c.Name
		}
	}
	return ms.HomeColumn != "" || ms.RosterColumn != ""
}

// Points that speak for a table being the memberships.
const (
	pointsConfigured = 99
	pointsName       = 20 // it is named for members
	pointsBothNames  = 10 // its name joins those of users and orgs
	pointsPairs      = 8  // it pairs each Person with each Org at most once
	pointsPolicies   = 5  // policies of other tables ask it
)

// membershipTable returns the table for which most speaks, or nil if nothing speaks for any, or
// as much for several.
func (d *discovery) membershipTable() *catalog.Relation {
	var best *catalog.Relation
	most, tie := 0, false
	for _, r := range d.m.Catalog.Relations {
		o := d.m.own[r.OID]
		if o == nil || len(o.Persons) == 0 || len(o.Orgs) == 0 || r.IsView() || r.Partition {
			continue
		}
		// A row that leads to two Orgs says who is in which only where a key says which of them.
		if _, _, keyed := pair(r, o); len(o.Orgs) > 1 && !keyed && r.String() != d.config.Membership.Table {
			continue
		}
		points := d.membershipPoints(r, o)
		switch {
		case points > most:
			best, most, tie = r, points, false
		case points > 0 && points == most:
			tie = most < pointsName
		}
	}
	if tie {
		return nil
	}
	return best
}

// pair returns the columns by which a membership puts a Person into an Org, and whether a unique
// key says that it is these. Other columns may say who invited the Person, or from which Org the
// membership is inherited.
func pair(r *catalog.Relation, o *Ownership) (person, org string, keyed bool) {
	for _, key := range r.Unique {
		var persons, orgs []string
		for _, c := range key {
			if slices.Contains(o.Persons, c) {
				persons = append(persons, c)
			} else if slices.Contains(o.Orgs, c) {
				orgs = append(orgs, c)
			}
		}
		if len(persons) == 1 && len(orgs) == 1 {
			return persons[0], orgs[0], true
		}
	}
	return o.Persons[0], o.Orgs[0], false
}

func (d *discovery) membershipPoints(r *catalog.Relation, o *Ownership) int {
	person, org, _ := pair(r, o)
	pairs := slices.ContainsFunc(r.Unique, func(key []string) bool {
		return len(key) == 2 && slices.Contains(key, person) && slices.Contains(key, org)
	})
	singular := func(t *catalog.Relation) string { return strings.TrimSuffix(catalog.Normalize(t.Name), "s") }
	points := 0
	switch name := catalog.Normalize(r.Name); {
	case r.String() == d.config.Membership.Table:
		points = pointsConfigured
	case strings.Contains(name, "member"), strings.Contains(name, "affiliat"):
		points = pointsName
	case strings.Contains(name, singular(d.m.Users.Table)) && strings.Contains(name, singular(d.m.Orgs.Table)):
		points = pointsBothNames
	case !pairs:
		return 0
	}
	if pairs {
		points += pointsPairs
	}
	if points < pointsConfigured && d.askedByPolicies(r) {
		points += pointsPolicies
	}
	return points
}

// askedByPolicies reports whether another table's policies name r, or a function that does.
func (d *discovery) askedByPolicies(r *catalog.Relation) bool {
	names := d.m.Catalog.NamedVia(r)
	return slices.ContainsFunc(d.m.Catalog.Relations, func(other *catalog.Relation) bool {
		return other != r && other.PolicyNames(names...)
	})
}

// LeadersFirst orders members so those who own their Org or administer it come first: functions
// may let no others do anything.
func LeadersFirst(m *Model, person, org string) string {
	leads := person + " IS NULL" // a constant is no expression to order by
	if owner := m.Membership.OwnerColumn; owner != "" {
		leads += fmt.Sprintf(" OR EXISTS (SELECT FROM %s g WHERE %s = %s AND %s = %s)", m.Orgs.Table.SQL(),
			query.Column("g", m.Orgs.ID), org, query.Column("g", owner), person)
	}
	if ms := m.Membership; ms.Table != nil && ms.Table.Column("role") != nil {
		leads += fmt.Sprintf(" OR EXISTS (SELECT FROM %s g WHERE %s = %s AND %s = %s "+
			"AND g.role::text ~* 'owner|admin')", ms.Table.SQL(), query.Column("g", ms.Org), org,
			query.Column("g", ms.Person), person)
	}
	return "(" + leads + ") DESC"
}
