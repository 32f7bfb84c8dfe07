package proof

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Answer is what a function answered.
type Answer struct {
	// JSON is a row as to_jsonb spells it.
	JSON string
	// Given are values that the attacker brought along.
	Given []string
}

// Repeats finds a foreign row of a table that an answer is, by its key, and of which it tells more
// than was given and than whose it is. It returns nil if there is none.
func (p *Prover) Repeats(ctx context.Context, i tenancy.Identity, t *catalog.Relation, a Answer) (*Proof, error) {
	m := p.Model
	var row map[string]json.RawMessage
	if len(t.Key) == 0 || json.Unmarshal([]byte(a.JSON), &row) != nil {
		return nil, nil
	}
	var conditions []string
	tells := false
	for _, c := range t.Columns {
		raw, ok := row[c.Name]
		isKey := slices.Contains(t.Key, c.Name)
		if (!ok || string(raw) == "null") && isKey {
			return nil, nil
		}
		// Dates are spelled as the session's time zone has it.
		if !ok || c.Category == catalog.DateTime && !isKey {
			continue
		}
		value := string(raw)
		var text string
		if json.Unmarshal(raw, &text) == nil && value != "null" {
			value = text
		}
		condition := fmt.Sprintf("to_jsonb(%s) = %s::jsonb", query.Column("a", c.Name), query.Literal(string(raw)))
		if value == "null" {
			condition = query.Column("a", c.Name) + " IS NULL"
		} else if isKey {
			condition = query.Column("a", c.Name) + " = " + c.Literal(&value)
		}
		conditions = append(conditions, condition)
		leads := isKey || t.InForeignKey(c.Name) || slices.Contains(m.Of(t).Columns(), c.Name)
		tells = tells || !leads && c.Category != catalog.Boolean && value != "null" && !slices.Contains(a.Given, value)
	}
	if !tells {
		return nil, nil
	}
	return p.foreign(ctx, i, t, strings.Join(conditions, " AND "))
}
