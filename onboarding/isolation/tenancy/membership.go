package tenancy

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Membership says where the schema keeps who is in which Org.
type Membership struct {
	Table  *catalog.Relation // nil if nobody can join an Org by a row
	Person string            // column of the table
	Org    string            // column of the table
	// OwnerColumn of orgs holds the Org's owner, HomeColumn of users the Org that a Person is
	// in, and RosterColumn of orgs the array of its members. Each is empty where the schema has
	// none.
	OwnerColumn  string
	HomeColumn   string
	RosterColumn string

	present string // condition on the table, alias m
	query   string // of the configuration, for further pairs of a Person and an Org
}

// Present is the condition that a row of the table puts a Person into an Org now.
func (m *Membership) Present(alias string) string {
	return fmt.Sprintf("(SELECT %s FROM (SELECT %s.*) m)", m.present, alias)
}

// MembersSQL lists pairs (org, person) of present and former members, with whether they are
// present.
func (m *Model) MembersSQL() string {
	var parts []string
	if ms := m.Membership; ms.Table != nil {
		org, person := query.Column("m", ms.Org), query.Column("m", ms.Person)
		parts = append(parts, fmt.Sprintf(
			"SELECT %[1]s AS org, %[2]s AS person, coalesce(%[3]s, false) AS present FROM %[4]s m WHERE %[1]s IS "+
				"NOT NULL AND %[2]s IS NOT NULL",
			org, person, ms.present, ms.Table.SQL()))
	}
	if name := m.Membership.OwnerColumn; name != "" {
		parts = append(parts, fmt.Sprintf("SELECT %[1]s AS org, %[2]s AS person, true AS present FROM %[3]s o WHERE "+
			"%[2]s IS NOT NULL",
			query.Column("o", m.Orgs.ID), query.Column("o", name), m.Orgs.Table.SQL()))
	}
	if name := m.Membership.HomeColumn; name != "" {
		parts = append(parts, fmt.Sprintf("SELECT %[1]s AS org, %[2]s AS person, true AS present FROM %[3]s u WHERE "+
			"%[1]s IS NOT NULL",
			query.Column("u", name), query.Column("u", m.Users.ID), m.Users.Table.SQL()))
	}
	if name := m.Membership.RosterColumn; name != "" {
		parts = append(parts, fmt.Sprintf(
			"SELECT %s AS org, r.person AS person, true AS present FROM %s o, unnest(%s) r(person) WHERE r.person "+
				"IS NOT NULL",
			query.Column("o", m.Orgs.ID), m.Orgs.Table.SQL(), query.Column("o", name)))
	}
	if m.Membership.query != "" {
		parts = append(parts, fmt.Sprintf("SELECT q.org::%s AS org, q.person::%s AS person, true AS present FROM (%s) "+
			"q(person, org) WHERE q.org IS NOT NULL AND q.person IS NOT NULL", m.Orgs.Type, m.Users.Type,
			m.Membership.query))
	}
	if len(parts) == 0 {
		return fmt.Sprintf("SELECT NULL::%s AS org, NULL::%s AS person, false AS present WHERE false", m.Orgs.Type,
			m.Users.Type)
	}
	return strings.Join(parts, " UNION ALL ")
}
