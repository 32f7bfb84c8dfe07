package tenancy

import (
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// IdentitySQL are SQL expressions for an [Identity]: its Person, and the arrays of its Orgs and
// co-members.
type IdentitySQL struct{ Person, Orgs, CoMembers string }

// PersonLiteral is the id of a Person as a statement spells it.
func (m *Model) PersonLiteral(id string) string {
	return "(" + query.Literal(id) + "::" + m.Users.Type + ")"
}

// IdentitySQL renders an identity as literals.
func (m *Model) IdentitySQL(i Identity) IdentitySQL {
	w := IdentitySQL{Person: "NULL::" + m.Users.Type, Orgs: "NULL::text[]", CoMembers: "'{}'::" + m.Users.Type + "[]"}
	if i.Person != nil {
		w.Person = m.PersonLiteral(*i.Person)
	}
	if m.HasOrgs() {
		w.Orgs = query.Array(i.Orgs) + "::" + m.Orgs.Type + "[]"
	}
	if len(i.CoMembers) > 0 {
		w.CoMembers = query.Array(i.CoMembers) + "::" + m.Users.Type + "[]"
	}
	return w
}

// ParameterSQL renders an identity as the parameters of a prepared statement: $1 is the Person,
// $2 the Orgs, $3 the co-members.
func (m *Model) ParameterSQL() IdentitySQL {
	return IdentitySQL{
		Person:    "$1::" + m.Users.Type,
		Orgs:      "$2::" + m.Orgs.Type + "[]",
		CoMembers: "$3::" + m.Users.Type + "[]",
	}
}

// ParameterOIDs are the types of the parameters of [Model.ParameterSQL].
func (m *Model) ParameterOIDs() []uint32 {
	return []uint32{m.Users.OID, m.Orgs.ArrayOID, m.Users.ArrayOID}
}

// IsPerson is the condition that a column of a row holds the identity's Person.
func (m *Model) IsPerson(r *catalog.Relation, alias, name string, w IdentitySQL) string {
	if c := r.Column(name); c != nil && c.Type != m.Users.Type {
		return fmt.Sprintf("coalesce(%s::text = %s::text, false)", query.Column(alias, name), w.Person)
	}
	return fmt.Sprintf("coalesce(%s = %s, false)", query.Column(alias, name), w.Person)
}

// IsOrg is the condition that a column of a row holds one of the identity's Orgs.
func (m *Model) IsOrg(r *catalog.Relation, alias, name string, w IdentitySQL) string {
	if !m.HasOrgs() {
		return "false"
	}
	if c := r.Column(name); c != nil && c.Type != m.Orgs.Type {
		return fmt.Sprintf("coalesce(%s::text = ANY(%s::text[]), false)", query.Column(alias, name), w.Orgs)
	}
	return fmt.Sprintf("coalesce(%s = ANY(%s), false)", query.Column(alias, name), w.Orgs)
}
