package victims

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// What stands in reports for the contents of a row: a text, and one that is JSON.
const (
	redacted     = "'…'"
	redactedJSON = `'"…"'`
)

// minContent is the length, in bytes, below which a text tells nothing.
const minContent = 4

// remember notes a value that a report must not repeat: what a row contains, and not what identifies
// it, its owner, or the rows that it refers to.
func (r *Rows) remember(t *catalog.Relation, c *catalog.Column, value *string) {
	isJSON := strings.HasPrefix(c.Type, "json")
	if value == nil || len(*value) < minContent || c.Category != catalog.String && !isJSON {
		return
	}
	identifies := slices.Contains(t.Key, c.Name) || t.InForeignKey(c.Name) || tenancy.IsUUID(*value) ||
		slices.Contains(r.config.Model.Of(t).Columns(), c.Name)
	switch literal := query.Literal(*value); {
	case identifies:
	case isJSON:
		r.contents[literal] = redactedJSON
	default:
		r.contents[literal] = redacted
	}
}

// Redact replaces the contents of rows that were read in a script.
func (r *Rows) Redact(script string) string {
	for literal, instead := range r.contents {
		script = strings.ReplaceAll(script, literal, instead)
	}
	return script
}
