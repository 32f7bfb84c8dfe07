package victims

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxTraits is how many values a column may have to tell kinds of rows apart.
	maxTraits = 6
	// maxTraitVictims bounds how many tenants of each kind are victims for what sets them apart.
	maxTraitVictims = 6
	// maxWordings is how many wordings of [Rows.Wordings] are of rows.
	maxWordings = 2
)

// trait reports whether a column may tell kinds of rows apart: by few words, which a policy or a
// function asks for.
func trait(t *catalog.Relation, c *catalog.Column) bool {
	return (c.Category == catalog.Boolean || c.IsWord()) && tells(t, c)
}

// tells is [trait], and also holds for numbers and documents.
func tells(t *catalog.Relation, c *catalog.Column) bool {
	few := c.IsWord() || strings.HasPrefix(c.Type, "json") ||
		slices.Contains([]catalog.Category{catalog.Boolean, catalog.Numeric}, c.Category)
	return few && !t.InForeignKey(c.Name) && !slices.Contains(slices.Concat(t.Unique...), c.Name)
}

// chooseByTraits adds a tenant for each value of the columns that policies and functions ask of
// tenants, and for each place in a tree of them: a hole may be open for one plan, one status, one
// flag or the holdings alone.
func (v *Victims) chooseByTraits(ctx context.Context) error {
	m := v.config.Model
	for _, kind := range []tenancy.OwnerKind{tenancy.Person, tenancy.Org} {
		tenants := m.TableOf(kind)
		if tenants.Table == nil || v.config.Only != "" {
			continue
		}
		added := 0
		var traits []string
		for _, c := range tenants.Table.Columns {
			if tells(tenants.Table, c) && m.Catalog.AnySourceNames(c.Name) {
				traits = append(traits, query.Column("k", c.Name)+"::text")
			}
		}
		for _, up := range tenancy.SelfReferences(tenants) {
			traits = append(traits, fmt.Sprintf("(%s IS NULL)::text || coalesce(%s IN (SELECT %[1]s FROM %[3]s k), "+
				"false)::text", up, query.Column("k", tenants.ID), tenants.Table.SQL()))
		}
		for _, trait := range traits {
			ids, err := query.Strings(ctx, v.config.Truth, fmt.Sprintf(
				"SELECT min(%s::text) FROM %s k GROUP BY %s ORDER BY count(*), 1 LIMIT %d",
				query.Column("k", tenants.ID), tenants.Table.SQL(), trait, maxTraits+1))
			if err != nil {
				return err
			}
			for _, id := range ids {
				victim := tenancy.Tenant{Kind: kind, ID: id}
				if len(ids) > maxTraits || added == maxTraitVictims {
					break
				}
				// One that is a victim anyway is apart all the same: no other stands for it.
				v.apart[victim] = true
				if !slices.Contains(v.list, victim) {
					v.list, added = append(v.list, victim), added+1
				}
			}
		}
	}
	return nil
}

// rarestOf is how many rows of a table are looked at for the rarest values of a column.
const rarestOf = 5000

// rarest returns values of a column of a table, the rarest first, and at most n.
func (c Config) rarest(ctx context.Context, t *catalog.Relation, column string, n int) ([]string, error) {
	return query.Strings(ctx, c.Truth, fmt.Sprintf("SELECT v FROM (SELECT %s::text AS v FROM %s LIMIT %d) s "+
		"WHERE v IS NOT NULL GROUP BY 1 ORDER BY count(*), 1 LIMIT %d", query.Name(column), t.SQL(), rarestOf, n))
}

// byTraits returns a row for each value of the columns of a table, and of those that its rows have
// as their parents, that its policies ask for.
func (r *Rows) byTraits(ctx context.Context, t *catalog.Relation) ([]Target, error) {
	found, err := r.byTraitsOf(ctx, t, nil)
	for _, p := range r.config.Model.Of(t).Parents {
		if err == nil && p.Kind == "" && p.Table.IsTable() {
			below, failure := r.byTraitsOf(ctx, t, &p)
			found, err = append(found, below...), failure
		}
	}
	return found, err
}

// byTraitsOf is [Rows.byTraits] for the columns of the table itself, or of a parent.
func (r *Rows) byTraitsOf(ctx context.Context, t *catalog.Relation, p *tenancy.ParentLink) ([]Target, error) {
	m, asked := r.config.Model, r.config.Model.Catalog.AskedBy(t, catalog.ForInsert)
	of := t
	if p != nil {
		of = p.Table
	}
	var found []Target
	for _, c := range of.Columns {
		if !tells(of, c) || !asked.Names(c.Name) && (p != nil || !t.PolicyNames(c.Name)) ||
			slices.Contains(m.Of(of).Columns(), c.Name) {
			continue
		}
		values, err := r.config.rarest(ctx, of, c.Name, maxTraits+1)
		if err != nil {
			return nil, err
		}
		if len(values) > maxTraits {
			continue
		}
		for _, value := range values {
			holds := query.Column("a", c.Name) + "::text = " + query.Literal(value)
			if p != nil {
				holds = fmt.Sprintf("EXISTS (SELECT FROM %s p WHERE %s AND %s::text = %s)", of.SQL(),
					p.JoinSQL("a", "p"), query.Column("p", c.Name), query.Literal(value))
			}
			rows, err := r.inScope(ctx, t, m.Owner(t, "a")+" IS NOT NULL AND "+holds)
			if err != nil {
				return nil, err
			}
			for _, row := range rows[:min(1, len(rows))] {
				row.Trait = of.Name + " " + c.Name + " " + value
				found = append(found, row)
			}
		}
	}
	return found, nil
}

// Wording makes another row of one: it differs in what policies for an INSERT ask for.
type Wording func(Values) Values

// Wordings returns a row's wordings: with what rows of a table hold in the columns for words that
// the policies for an INSERT ask for, such as a role, of those that hold a constant of the
// policies, the likeliest to pass; and with all columns that they ask for, but those that say
// whose the row is, left to their defaults.
func (r *Rows) Wordings(ctx context.Context, t *catalog.Relation) ([]Wording, error) {
	m, asked := r.config.Model, r.config.Model.Catalog.AskedBy(t, catalog.ForInsert)
	var names, words []string
	for _, c := range t.Columns {
		if !asked.Names(c.Name) || t.InForeignKey(c.Name) || t.IsKey(c.Name) || slices.Contains(t.Key, c.Name) ||
			m.IsSecret(t, c.Name) || slices.Contains(m.Of(t).Columns(), c.Name) {
			continue
		}
		if names = append(names, c.Name); c.IsWord() {
			words = append(words, c.Name)
		}
	}
	if len(names) == 0 || !t.IsTable() {
		return nil, nil
	}
	found := []Wording{func(row Values) Values {
		row = maps.Clone(row)
		maps.DeleteFunc(row, func(name string, _ *string) bool { return slices.Contains(names, name) })
		return row
	}}
	if len(words) == 0 {
		return found, nil
	}
	present := "true"
	if m.IsMembership(t) {
		present = m.Membership.Present("a")
	}
	rows, err := r.config.Truth.Query(ctx, fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s LIMIT %d) a WHERE %s "+
		"GROUP BY 1 ORDER BY count(*), 1 LIMIT %d", query.Texts("a", words), t.SQL(), rarestOf, present, maxKinds))
	if err != nil {
		return nil, err
	}
	held, err := pgx.CollectRows(rows, pgx.RowTo[[]*string])
	if err != nil {
		return nil, err
	}
	held = slices.DeleteFunc(held, func(values []*string) bool { return asked.Constants(values) == 0 })
	slices.SortStableFunc(held, func(a, b []*string) int { return cmp.Compare(asked.Constants(b), asked.Constants(a)) })
	for _, values := range held[:min(maxWordings, len(held))] {
		found = append(found, func(row Values) Values {
			row = maps.Clone(row)
			for i, name := range words {
				row[name] = values[i]
			}
			return row
		})
	}
	return found, nil
}
