package tenancy

import (
	"fmt"
	"slices"
	"strings"

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
	// OrgsAlone says that there is no table of users: Users are the Orgs, and Orgs are none.
	OrgsAlone bool
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

// PublicRows is the condition on a relation's own columns for the rows that every session may read
// by design, or empty.
func (m *Model) PublicRows(r *catalog.Relation) string { return m.tables[r.OID].Public }

// secrets are parts of normalized names of columns whose values are a right by themselves, such as
// an invitation's token: whoever knows one was given it. Every column is asked often, so this is
// no regular expression.
var secrets = []string{"token", "secret", "passw", "passcode", "digest", "hash", "apikey", "licensekey", "licencekey",
	"nonce", "invitecode", "invitationcode", "joincode", "accesscode", "authcode", "recoverycode", "resetcode",
	"verificationcode", "confirmationcode", "backupcode"}

// IsSecret reports whether no attacker knows what others' rows hold in a column: the configuration
// says so or, where it says nothing of the table's secrets, the column's name.
func (m *Model) IsSecret(r *catalog.Relation, column string) bool {
	if configured := m.tables[r.OID].Secret; configured != nil {
		return slices.Contains(configured, column)
	}
	name := catalog.Normalize(column)
	return strings.HasSuffix(name, "otp") ||
		slices.ContainsFunc(secrets, func(part string) bool { return strings.Contains(name, part) })
}

// Public is the condition, on an alias, that every session may read a row by design.
func (m *Model) Public(r *catalog.Relation, alias string) string {
	condition := m.PublicRows(r)
	if condition == "" {
		return "false"
	}
	return fmt.Sprintf("coalesce(%s, false)", OnRow(condition, r, query.Name(alias)))
}

// Published returns the first table of a view that has rows that are public by design or shared
// with single Persons, and whose key the view shows. It returns nil if there is none, or if the
// configuration says which rows of the view itself are public.
func Published(m *Model, view *catalog.Relation) *catalog.Relation {
	if !view.IsView() || m.PublicRows(view) != "" {
		return nil
	}
	for _, base := range m.Catalog.Relations {
		key := base.SingleKey()
		open := m.PublicRows(base) != "" || Shared(m, ToRead).Persons(base, "a") != ""
		if base.IsView() || key == nil || !open || !view.DefinedOn(base) {
			continue
		}
		if c := view.Column(key.Name); c != nil && c.Type == key.Type && view.CanRead(key.Name) {
			if from, name := m.Catalog.Origin(view, key.Name); from == nil || from == base && name == key.Name {
				return base
			}
		}
	}
	return nil
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

// IsProfile reports whether a relation has one row for each Person beside the table of users and
// is called like one, such as profiles. Who shares an Org with somebody may read theirs, as in
// users.
func (m *Model) IsProfile(r *catalog.Relation) bool {
	o := m.Of(r)
	return o.Class == ClassTenant && !o.Configured && len(r.Key) == 1 && slices.Equal(o.Persons, r.Key) &&
		slices.Contains(userTables, strings.ToLower(r.Name))
}

// IsMembership reports whether a relation is the table of memberships.
func (m *Model) IsMembership(r *catalog.Relation) bool { return r == m.Membership.Table }
