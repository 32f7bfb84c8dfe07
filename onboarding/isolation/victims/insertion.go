package victims

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
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

// compared are the columns that policies of inserts compare with constants, such as the bucket of
// a file.
func (r *Rows) compared(t *catalog.Relation) []string {
	names, known := r.constants[t]
	if !known {
		for name, constants := range t.AskedAfter(catalog.ForInsert) {
			if len(constants) > 0 {
				names = append(names, name)
			}
		}
		r.constants[t] = names
	}
	return names
}

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
		fixed = append(fixed, r.compared(t)...)
	}
	insertion := Insertion{Condition: anyRow}
	var names, literals []string
	for _, c := range t.Columns {
		if !c.Insert && !t.MayElsewhere(catalog.ForInsert) || c.Generated {
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
			if value := imagine.UniqueLike(c, values, fixed); value != nil || secret {
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

// OwnerOf returns whose a made-up row would be, or no tenant where that cannot be evaluated.
func (r *Rows) OwnerOf(ctx context.Context, t *catalog.Relation, values Values) (tenancy.Tenant, error) {
	owner, err := r.evaluate(ctx, t, values, r.config.Model.Owner(t, "a"))
	if owner == nil || err != nil {
		return tenancy.Tenant{}, query.Lost(err)
	}
	return tenancy.ParseOwner(*owner), nil
}

// evaluate evaluates an expression, on the alias a, for a made-up row. An empty one is NULL.
func (r *Rows) evaluate(
	ctx context.Context, t *catalog.Relation, values Values, expression string,
) (result *string, err error) {
	if expression == "" {
		return nil, nil
	}
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = c.Literal(values[c.Name]) + "::" + c.Type + " AS " + query.Name(c.Name)
	}
	err = r.config.Truth.QueryRow(ctx, fmt.Sprintf("SELECT %s FROM (SELECT %s) a", expression,
		strings.Join(columns, ", "))).Scan(&result)
	return result, err
}
