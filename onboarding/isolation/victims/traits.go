package victims

import (
	"cmp"
	"context"
	"fmt"
	"slices"

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
	// maxWordings is how many wordings [Rows.Wordings] returns.
	maxWordings = 2
)

// trait reports whether a column may tell kinds of rows apart: by few values, which a policy or a
// function asks for.
func trait(t *catalog.Relation, c *catalog.Column) bool {
	few := c.Category == catalog.Boolean || c.IsWord()
	return few && !t.InForeignKey(c.Name) && !slices.Contains(slices.Concat(t.Unique...), c.Name)
}

// chooseByTraits adds a tenant for each value of the columns that policies and functions ask of
// tenants: a hole may be open for one plan, one status or one flag alone.
func (v *Victims) chooseByTraits(ctx context.Context) error {
	m := v.config.Model
	for _, kind := range []tenancy.OwnerKind{tenancy.Person, tenancy.Org} {
		tenants := m.TableOf(kind)
		if tenants.Table == nil || v.config.Only != "" {
			continue
		}
		added := 0
		for _, c := range tenants.Table.Columns {
			if !trait(tenants.Table, c) || !m.Catalog.AnySourceNames(c.Name) {
				continue
			}
			ids, err := query.Strings(ctx, v.config.Truth, fmt.Sprintf(
				"SELECT min(%s::text) FROM %s t GROUP BY %s ORDER BY count(*), 1 LIMIT %d",
				query.Column("t", tenants.ID), tenants.Table.SQL(), query.Column("t", c.Name), maxTraits+1))
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

// byTraits returns a row for each value of the columns of a table that its policies ask for.
func (r *Rows) byTraits(ctx context.Context, t *catalog.Relation) ([]Target, error) {
	var found []Target
	for _, c := range t.Columns {
		if !trait(t, c) || !t.PolicyNames(c.Name) || slices.Contains(r.config.Model.Of(t).Columns(), c.Name) {
			continue
		}
		values, err := r.config.rarest(ctx, t, c.Name, maxTraits+1)
		if err != nil {
			return nil, err
		}
		if len(values) > maxTraits {
			continue
		}
		for _, value := range values {
			rows, err := r.inScope(ctx, t, fmt.Sprintf("%s IS NOT NULL AND %s::text = %s",
				r.config.Model.Owner(t, "a"), query.Column("a", c.Name), query.Literal(value)))
			if err != nil {
				return nil, err
			}
			for _, row := range rows[:min(1, len(rows))] {
				row.Trait = c.Name + " " + value
				found = append(found, row)
			}
		}
	}
	return found, nil
}

// Wordings returns what rows of a table hold in the columns for words that the policies for an
// INSERT ask for, such as a role: of those that hold a constant of the policies, the likeliest to
// pass.
func (r *Rows) Wordings(ctx context.Context, t *catalog.Relation) ([]Values, error) {
	m, asked := r.config.Model, r.config.Model.Catalog.AskedBy(t, catalog.ForInsert)
	var names []string
	for _, c := range t.Columns {
		if c.IsWord() && asked.Names(c.Name) && !t.InForeignKey(c.Name) && !t.IsKey(c.Name) &&
			!m.IsSecret(t, c.Name) && !slices.Contains(m.Of(t).Columns(), c.Name) {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 || !t.IsTable() {
		return nil, nil
	}
	present := "true"
	if m.IsMembership(t) {
		present = m.Membership.Present("a")
	}
	rows, err := r.config.Truth.Query(ctx, fmt.Sprintf("SELECT %s FROM (SELECT * FROM %s LIMIT %d) a WHERE %s "+
		"GROUP BY 1 ORDER BY count(*), 1 LIMIT %d", query.Texts("a", names), t.SQL(), rarestOf, present, maxKinds))
	if err != nil {
		return nil, err
	}
	held, err := pgx.CollectRows(rows, pgx.RowTo[[]*string])
	if err != nil {
		return nil, err
	}
	held = slices.DeleteFunc(held, func(words []*string) bool { return asked.Constants(words) == 0 })
	slices.SortStableFunc(held, func(a, b []*string) int { return cmp.Compare(asked.Constants(b), asked.Constants(a)) })
	var found []Values
	for _, words := range held[:min(maxWordings, len(held))] {
		values := Values{}
		for i, name := range names {
			values[name] = words[i]
		}
		found = append(found, values)
	}
	return found, nil
}
