package catalog

import (
	"slices"
	"strings"
)

// Normalize folds the spellings user_id, userId and "User ID" into one.
func Normalize(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// RefersTo reports whether a column such as booking_id refers by its name to a table such as
// bookings.
func RefersTo(column, table string) bool {
	name, table := Normalize(column), Normalize(table)
	return slices.ContainsFunc([]string{"id", "no", "nr", "ref", "key", "uuid"}, func(suffix string) bool {
		stem, ok := strings.CutSuffix(name, suffix)
		return ok && stem != "" && IsPlural(table, stem)
	})
}

// IsPlural reports whether a table's normalized name may be the plural of a normalized noun.
func IsPlural(table, noun string) bool { return slices.Contains(Plurals(noun), table) }

// Plurals returns the names that a table of such rows may have, the noun itself among them.
func Plurals(noun string) []string {
	return []string{noun, noun + "s", noun + "es", strings.TrimSuffix(noun, "y") + "ies"}
}
