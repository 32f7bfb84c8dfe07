package catalog_test

import (
	"testing"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// A source is parsed only if it may name a relation, however the name is spelt.
func TestUnqualifiedRelations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what, table, source string
		named               bool
	}{
		{"plain", "bookings", `SELECT FROM bookings`, true},
		{"another case", "bookings", `SELECT FROM BookingS`, true},
		{"quoted", "Bookings", `SELECT FROM "Bookings"`, true},
		{"a quote in the name", `book"ings`, `SELECT FROM "book""ings"`, true},
		{"letters beyond ASCII", "größe", `SELECT FROM größe`, true},
		{"escapes", "bookings", `SELECT FROM U&"b\006Fokings"`, true},
		{"only with its schema", "bookings", `SELECT FROM public.bookings`, false},
		{"no name of a table", "bookings", `SELECT current_setting('app.user_id') nonsense (`, false},
	} {
		table := &catalog.Relation{OID: 1, Schema: "public", Name: tt.table}
		cat := catalog.New(catalog.Version16, []*catalog.Relation{table}, nil)
		f := &catalog.Function{Language: "sql", Source: tt.source, Definition: "AS $$" + tt.source + "$$"}
		named, err := f.UnqualifiedRelations(cat)
		if err != nil || len(named) == 1 != tt.named {
			t.Errorf("%s: %v, %v", tt.what, named, err)
		}
	}
}
