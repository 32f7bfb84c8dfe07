package catalog

import (
	"slices"
	"strings"
)

// normal folds the spellings user_id, userId and "User ID" into one.
func Normal(name string) string {
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

// names reports whether a column such as booking_id names a table such as bookings.
func Names(columnName, tableName string) bool {
	name, table := Normal(columnName), Normal(tableName)
	return slices.ContainsFunc([]string{"id", "no", "nr", "ref", "key", "uuid"}, func(suffix string) bool {
		stem, ok := strings.CutSuffix(name, suffix)
		return ok && stem != "" && IsSingular(stem, table)
	})
}

func IsSingular(stem, table string) bool { return slices.Contains(Plurals(stem), table) }

// plurals are the names that a table of such rows may have.
func Plurals(stem string) []string {
	return []string{stem, stem + "s", stem + "es", strings.TrimSuffix(stem, "y") + "ies"}
}

func Singular(name string) string { return strings.TrimSuffix(Normal(name), "s") }
