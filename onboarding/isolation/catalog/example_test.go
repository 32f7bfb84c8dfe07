package catalog_test

import (
	"fmt"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

func ExampleRefersTo() {
	for _, column := range []string{"booking_id", "categoryId", "booked_at"} {
		fmt.Println(column, catalog.RefersTo(column, "bookings"), catalog.RefersTo(column, "categories"))
	}
	// Output:
	// booking_id true false
	// categoryId false true
	// booked_at false false
}

func ExampleNames() {
	const policy = "(user_id = private.me()) OR is_admin()"
	fmt.Println(catalog.Names(policy, "me"), catalog.Names(policy, "admin"),
		catalog.Names(policy, "admin", "is_admin"))
	// Output: true false true
}

func ExampleFunction_UnqualifiedRelations() {
	bookings := &catalog.Relation{OID: 1, Schema: "public", Name: "bookings"}
	users := &catalog.Relation{OID: 2, Schema: "public", Name: "users"}
	cat := catalog.New(catalog.Version16, []*catalog.Relation{bookings, users}, nil)
	f := &catalog.Function{
		Language: "sql", Source: `SELECT b.title FROM bookings b JOIN public.users u ON u.id = b.user_id`,
	}
	named, err := f.UnqualifiedRelations(cat)
	fmt.Println(named, err)
	// Output: [public.bookings] <nil>
}
