package platform

import (
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
)

// The statements of the runbook. None of them sets created_at: a new tenant has no past.

// InsertUser makes a Person.
func (db *DB) InsertUser(tenant onboarding.Tenant) onboarding.Statement {
	users := db.config.Users
	return onboarding.Statement{
		SQL: fmt.Sprintf("INSERT INTO %s (%s, %s, %s, %s) VALUES ($1, $2, $3, $4)",
			table(users.Table), column(users.ID), column(users.Slug), column(users.Email), column(users.DisplayName)),
		Args: []string{tenant.ID, tenant.Slug, tenant.Email, tenant.DisplayName},
	}
}

// InsertOrg makes an Org that the Person with the id owns. Its own id is the database's to choose.
func (db *DB) InsertOrg(org onboarding.Org, owner string) onboarding.Statement {
	orgs := db.config.Orgs
	return onboarding.Statement{
		SQL: fmt.Sprintf("INSERT INTO %s (%s, %s, %s) VALUES ($1, $2, $3)",
			table(orgs.Table), column(orgs.Slug), column(orgs.Name), column(orgs.Owner)),
		Args: []string{org.Slug, org.Name, owner},
	}
}

// InsertMember puts a Person into an Org. The Org is found by its slug, as in the runbook: one
// that the same transaction makes has no id that an approver could read.
func (db *DB) InsertMember(org, user, role string) onboarding.Statement {
	orgs, members := db.config.Orgs, db.config.Members
	return onboarding.Statement{
		SQL: fmt.Sprintf("INSERT INTO %s (%s, %s, %s) VALUES ((SELECT %s FROM %s WHERE %s = $1), $2, $3)",
			table(members.Table), column(members.Org), column(members.User), column(members.Role),
			column(orgs.ID), table(orgs.Table), column(orgs.Slug)),
		Args: []string{org, user, role},
	}
}

// OwnerRole and MemberRole are what the runbook makes of a Person in an Org.
func (db *DB) OwnerRole() string { return db.config.Members.OwnerRole }

// MemberRole is the role of who joins an Org.
func (db *DB) MemberRole() string { return db.config.Members.MemberRole }
