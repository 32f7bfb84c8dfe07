package tenancy

import (
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Model is what discovery found: the tenants, their memberships and whose the rows of every
// relation are.
type Model struct {
	Catalog    *catalog.Catalog
	Users      Tenants
	Orgs       Tenants
	Membership Membership
	// Notes are observations for the report.
	Notes []string
	// UnprotectedTenants says that neither users nor orgs has row-level security.
	UnprotectedTenants bool

	own       map[uint32]*Ownership
	tables    map[uint32]TableConfig
	directory map[uint32]bool
}

// Of returns whose a relation's rows are.
func (m *Model) Of(r *catalog.Relation) *Ownership {
	if o := m.own[r.OID]; o != nil {
		return o
	}
	return &Ownership{Class: ClassPlatform}
}

// HasOrgs reports whether the platform has Orgs.
func (m *Model) HasOrgs() bool { return m.Orgs.Table != nil }

// PublicRows is the condition on a relation's own columns for the rows that every session may read by
// design, or empty.
func (m *Model) PublicRows(r *catalog.Relation) string { return m.tables[r.OID].Public }

// IsSecret reports whether no attacker knows what others' rows hold in a column.
func (m *Model) IsSecret(r *catalog.Relation, column string) bool {
	return slices.Contains(m.tables[r.OID].Secret, column)
}

// Public is the condition, on an alias, that every session may read a row by design.
func (m *Model) Public(r *catalog.Relation, alias string) string {
	condition := m.PublicRows(r)
	if condition == "" {
		return "false"
	}
	return fmt.Sprintf("coalesce((SELECT (%s) FROM (SELECT %s.*) public), false)", condition, query.Name(alias))
}

// IsDirectory reports whether a relation is a public directory of tenants, which every session
// may read.
func (m *Model) IsDirectory(r *catalog.Relation) bool { return m.directory[r.OID] }

// MarkDirectory makes a relation a public directory of tenants.
func (m *Model) MarkDirectory(r *catalog.Relation) { m.directory[r.OID] = true }

// TableOf returns the table of a kind of tenants.
func (m *Model) TableOf(kind OwnerKind) Tenants {
	if kind == Org {
		return m.Orgs
	}
	return m.Users
}

// IsTenants reports whether a relation is the table of users or of orgs.
func (m *Model) IsTenants(r *catalog.Relation) bool { return r == m.Users.Table || r == m.Orgs.Table }

// IsMembership reports whether a relation is the table of memberships.
func (m *Model) IsMembership(r *catalog.Relation) bool { return r == m.Membership.Table }
