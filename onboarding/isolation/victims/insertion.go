package victims

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Keys says what an INSERT does about unique keys.
type Keys int

const (
	// NewKeys makes up new values for unique keys.
	NewKeys Keys = iota
	// SameKeys keeps the keys of a row that is there.
	SameKeys
	// ServerKeys is NewKeys, but leaves the primary key to its default, such as a sequence.
	ServerKeys
)

// Insertion is an INSERT of one row.
type Insertion struct {
	// SQL is empty where no column may be set.
	SQL string
	// Condition, on the alias a, finds the row by its primary key. It is "true" if the key is
	// not known.
	Condition string
}

// Identified reports whether the condition finds the one row.
func (i Insertion) Identified() bool { return i.Condition != anyRow }

const anyRow = "true"

// Insert renders an INSERT of a row, whose kept columns hold their values even where new keys are
// made. Columns without a value are left to their defaults.
func (r *Rows) Insert(t *catalog.Relation, values Values, keys Keys, kept ...string) Insertion {
	fixed := append(r.config.Model.Of(t).Columns(), kept...)
	for _, fk := range t.ForeignKeys {
		fixed = append(fixed, fk.Columns...)
	}
	values = maps.Clone(values)
	var renew []string
	if keys != SameKeys {
		renew = slices.Concat(t.Unique...)
	}
	insertion := Insertion{Condition: anyRow}
	var names, literals []string
	for _, c := range t.Columns {
		if !c.Insert && !t.Elsewhere || c.Generated {
			continue
		}
		if keys == ServerKeys && slices.Contains(t.Key, c.Name) && !slices.Contains(fixed, c.Name) {
			continue
		}
		secret := r.config.Model.IsSecret(t, c.Name)
		if _, set := values[c.Name]; !set && !secret {
			continue
		}
		if (secret || slices.Contains(renew, c.Name)) && !slices.Contains(fixed, c.Name) {
			if value := uniqueLike(c, values, fixed); value != nil || secret {
				values[c.Name] = value
			}
		}
		names = append(names, query.Name(c.Name))
		literals = append(literals, c.Literal(values[c.Name]))
		if slices.Contains(t.Key, c.Name) && values[c.Name] != nil {
			insertion.Condition += " AND " + query.Column("a", c.Name) + " = " + c.Literal(values[c.Name])
		}
	}
	if len(names) == 0 {
		return Insertion{}
	}
	insertion.SQL = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", t.SQL(), strings.Join(names, ", "),
		strings.Join(literals, ", "))
	return insertion
}
