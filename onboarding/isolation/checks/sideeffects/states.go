package sideeffects

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/proof"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
)

// maxStates bounds the states that own rows are brought into.
const maxStates = 4

// intoStates bring own rows into the states that triggers and rules ask for, such as a request
// that is approved.
func (c *triggers) intoStates(t *catalog.Relation, s session.Session) []trigger {
	assignments, known := c.states[t]
	if !known {
		assignments = c.assignments(t)
		c.states[t] = assignments
	}
	list := make([]trigger, len(assignments))
	for i, sets := range assignments {
		list[i] = trigger{updating, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), sets, c.owned(t, s)),
			proof.Counts{}}
	}
	return list
}

// assignments render the states, each as what an UPDATE sets.
func (c *triggers) assignments(t *catalog.Relation) []string {
	constants := c.model.Catalog.ConstantsOfRow(t)
	var found []string
	for i := range maxStates {
		var sets []string
		for _, column := range t.Columns {
			words := constants[column.Name]
			if len(words) == 0 || !column.IsWord() || !column.Update || column.Generated || t.IsKey(column.Name) ||
				slices.Contains(c.model.Of(t).Columns(), column.Name) || c.model.IsSecret(t, column.Name) {
				continue
			}
			sets = append(sets, column.Assign(&words[i%len(words)]))
		}
		if joined := strings.Join(sets, ", "); joined != "" && !slices.Contains(found, joined) {
			found = append(found, joined)
		}
	}
	return found
}
