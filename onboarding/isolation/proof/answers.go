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
	// Given are values that the attacker supplied, which prove nothing.
	Given []string
}

// Repeats finds the foreign row of a table that an answer repeats, by its key. It returns nil if
// there is none, or if the answer holds nothing of it but keys, owners, booleans and what was
// given.
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
		isKey, isNull := slices.Contains(t.Key, c.Name), string(raw) == "null"
		if (!ok || isNull) && isKey {
			return nil, nil
		}
		// Dates are spelled as the session's time zone has it.
		if !ok || c.Category == catalog.DateTime && !isKey {
			continue
		}
		column := query.Column("a", c.Name)
		if isNull {
			conditions = append(conditions, column+" IS NULL")
			continue
		}
		value := string(raw)
		var text string
		if json.Unmarshal(raw, &text) == nil {
			value = text
		}
		if isKey {
			conditions = append(conditions, column+" = "+c.Literal(&value))
			continue
		}
		conditions = append(conditions, fmt.Sprintf("to_jsonb(%s) = %s::jsonb", column, query.Literal(string(raw))))
		leads := t.InForeignKey(c.Name) || slices.Contains(m.Of(t).Columns(), c.Name)
		tells = tells || !leads && c.Category != catalog.Boolean && !slices.Contains(a.Given, value)
	}
	if !tells {
		return nil, nil
	}
	return p.foreign(ctx, i, t, strings.Join(conditions, " AND "))
}
