package tenancy

import (
	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// model is what discovery found: the tenants, their memberships and whose every relation's rows are.
type Model struct {
	Cat                *catalog.Catalog
	Users, Orgs        *catalog.Relation // orgs is nil on a platform without any
	UserID, OrgID      string
	UserType, OrgType  string
	UserOID            uint32 // of the type
	UserArray          uint32
	OrgArray           uint32
	Members            *catalog.Relation // nil if nobody can join an Org
	MemberUser         string
	MemberOrg          string
	present            string // condition on the membership table, alias m
	OwnerColumn        string // of orgs; empty if Orgs have no owner
	HomeColumn         string // of users, where it is a column of theirs that says in which Org they are
	rosterColumn       string // of orgs, where it is an array of theirs that says who is in it
	own                map[uint32]*Ownership
	Notes              []string
	Directory          map[uint32]bool // users or orgs whose readable columns are public by nature
	UnprotectedTenants bool            // neither users nor orgs has row-level security
}

func (m *Model) Of(r *catalog.Relation) *Ownership {
	if o := m.own[r.OID]; o != nil {
		return o
	}
	return &Ownership{Class: classPlatform}
}
