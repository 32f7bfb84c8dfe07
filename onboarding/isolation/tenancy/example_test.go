package tenancy_test

import (
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

func ExampleIdentity_Is() {
	person := "7"
	somebody := tenancy.Identity{Person: &person, Orgs: []string{"2"}}
	for _, owner := range []string{"Person 7", "Org 2", "Org 7", "Person 4"} {
		fmt.Println(owner, somebody.Is(tenancy.ParseOwner(owner)))
	}
	// Output:
	// Person 7 true
	// Org 2 true
	// Org 7 false
	// Person 4 false
}

// memberships says by a date and a status whether a membership is a present one.
var memberships = &catalog.Relation{Schema: "public", Name: "org_members", Columns: []*catalog.Column{
	{Name: "org_id", Type: "bigint", Category: catalog.Numeric},
	{Name: "user_id", Type: "bigint", Category: catalog.Numeric},
	{Name: "left_at", Type: "timestamp with time zone", Category: catalog.DateTime, Update: true},
	{Name: "status", Type: "text", Category: catalog.String, Update: true},
}}

func ExampleRejoinSQL() {
	fmt.Println(tenancy.RejoinSQL(memberships))
	fmt.Println(tenancy.OfferedSQL(memberships))
	// Output:
	// "left_at" = NULL, "status" = 'active'
	// (false OR lower(a."status"::text) IN ('invited', 'pending', 'requested'))
}

func ExamplePrivateColumns() {
	users := &catalog.Relation{Schema: "public", Name: "users", Columns: []*catalog.Column{
		{Name: "id", Select: true}, {Name: "display_name", Select: true},
		{Name: "email", Select: true}, {Name: "password"},
	}}
	fmt.Println(tenancy.PrivateColumns(users))
	// Output: [email]
}
