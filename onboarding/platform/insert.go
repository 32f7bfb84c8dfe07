package platform

import (
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
)

// The statements of the runbook. None of them sets created_at: no row of a new tenant predates its
// run.

// InsertUser makes a Person.
func (db *DB) InsertUser(tenant onboarding.Tenant) onboarding.Statement {
	users := db.quoted.Users
	return onboarding.Statement{
		SQL: fmt.Sprintf("INSERT INTO %s (%s, %s, %s, %s) VALUES ($1, $2, $3, $4)",
			users.Table, users.ID, users.Slug, users.Email, users.DisplayName),
		Args: []string{tenant.ID, tenant.Slug, tenant.Email, tenant.DisplayName},
	}
}

// InsertOrg makes an Org that the Person with the id owns. Its own id is the database's to choose.
func (db *DB) InsertOrg(org onboarding.Org, owner string) onboarding.Statement {
	orgs := db.quoted.Orgs
	return onboarding.Statement{
		SQL: fmt.Sprintf("INSERT INTO %s (%s, %s, %s) VALUES ($1, $2, $3)",
			orgs.Table, orgs.Slug, orgs.Name, orgs.Owner),
		Args: []string{org.Slug, org.Name, owner},
	}
}

// InsertMember puts a Person into an Org. The Org is found by its slug, as in the runbook: one
// that the same transaction makes has no id that an approver could read.
func (db *DB) InsertMember(org, user, role string) onboarding.Statement {
	orgs, members := db.quoted.Orgs, db.quoted.Members
	return onboarding.Statement{
		SQL: fmt.Sprintf("INSERT INTO %s (%s, %s, %s) VALUES ((SELECT %s FROM %s WHERE %s = $1), $2, $3)",
			members.Table, members.Org, members.User, members.Role,
			orgs.ID, orgs.Table, orgs.Slug),
		Args: []string{org, user, role},
	}
}

// OwnerRole and MemberRole are what the runbook makes of a Person in an Org.
func (db *DB) OwnerRole() string { return db.config.Members.OwnerRole }

// MemberRole is the role of who joins an Org.
func (db *DB) MemberRole() string { return db.config.Members.MemberRole }
