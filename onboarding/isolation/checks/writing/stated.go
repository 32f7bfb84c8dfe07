package writing

import (
	"maps"
	"slices"
	"strconv"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// maxStated bounds the wordings of stated.
const maxStated = 4

// stated are wordings of a new row with the constants that policies compare its columns with, and
// with the flags that they ask for set or not: no row need be in such a state yet.
func (w *writer) stated(t *catalog.Relation) []victims.Wording {
	asked, states := t.AskedAfter(catalog.ForInsert), 0
	maps.DeleteFunc(asked, func(name string, constants []string) bool {
		c := t.Column(name)
		if c == nil || c.Generated || t.InForeignKey(name) || t.IsKey(name) || slices.Contains(t.Key, name) ||
			w.model.IsSecret(t, name) || slices.Contains(w.model.Of(t).Columns(), name) {
			return true
		}
		flag := c.Category == catalog.Boolean
		if flag {
			states = max(states, 2)
		}
		states = max(states, len(constants))
		return !flag && len(constants) == 0
	})
	var found []victims.Wording
	for i := range min(states, maxStated) {
		set := victims.Values{}
		for name, constants := range asked {
			if t.Column(name).Category == catalog.Boolean {
				set[name] = new(strconv.FormatBool(i%2 == 0))
			} else {
				set[name] = &constants[i%len(constants)]
			}
		}
		found = append(found, func(row victims.Values) victims.Values {
			row = maps.Clone(row)
			maps.Copy(row, set)
			return row
		})
	}
	return found
}
