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
	// Changed says that the function may have changed the row before it answered it.
	Changed bool
}

// field is a member of an answer that is named as a column of a table.
type field struct {
	column *catalog.Column
	json   string
	text   string // without the quotes of JSON
	isNull bool
	isKey  bool
	leads  bool // to another row, or to whose the row is
}

// fieldsOf are the fields that an answer shares with a table. There are none if it is no row.
func fieldsOf(m *tenancy.Model, a Answer, t *catalog.Relation) []field {
	var row map[string]json.RawMessage
	if json.Unmarshal([]byte(a.JSON), &row) != nil {
		return nil
	}
	var found []field
	for _, c := range t.Columns {
		raw, ok := row[c.Name]
		if !ok {
			continue
		}
		f := field{column: c, json: string(raw), text: string(raw), isNull: string(raw) == "null",
			isKey: slices.Contains(t.Key, c.Name),
			leads: t.InForeignKey(c.Name) || slices.Contains(m.Of(t).Columns(), c.Name)}
		var text string
		if !f.isNull && json.Unmarshal(raw, &text) == nil {
			f.text = text
		}
		found = append(found, f)
	}
	return found
}

// condition finds the rows, alias a, whose column holds the same.
func (f field) condition() string {
	return fmt.Sprintf("to_jsonb(%s) = %s::jsonb", query.Column("a", f.column.Name), query.Literal(f.json))
}

// Repeats finds the foreign row of a table that an answer repeats, by its key. It returns nil if
// there is none, or if the answer holds nothing of it but keys, owners, booleans and what was
// given.
func (p *Prover) Repeats(ctx context.Context, i tenancy.Identity, t *catalog.Relation, a Answer) (*Proof, error) {
	fields := fieldsOf(p.Model, a, t)
	if len(t.Key) == 0 || len(fields) == 0 {
		return nil, nil
	}
	var conditions []string
	tells, keys := false, 0
	for _, f := range fields {
		switch {
		case f.isNull && f.isKey:
			return nil, nil
		case f.column.Category == catalog.DateTime && !f.isKey:
			continue // dates are spelled as the session's time zone has it
		case f.isNull:
			conditions = append(conditions, query.Column("a", f.column.Name)+" IS NULL")
		case f.isKey:
			keys++
			conditions = append(conditions, query.Column("a", f.column.Name)+" = "+f.column.Literal(&f.text))
		default:
			conditions = append(conditions, f.condition())
			tells = tells || !f.leads && f.column.Category != catalog.Boolean && !slices.Contains(a.Given, f.text)
		}
	}
	if keys < len(t.Key) {
		return nil, nil
	}
	if !tells {
		return nil, nil
	}
	return p.foreign(ctx, i, t, strings.Join(conditions, " AND "))
}
