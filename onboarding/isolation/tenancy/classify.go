package tenancy

import (
	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
)

// spells reports whether a column can hold ids in another type than the tenants' own, such as text for uuid or integer for bigint.
func spells(c *catalog.Column) bool {
	return c.Category == "S" || c.Category == "N" || c.Category == "U" && c.Type == "uuid"
}
