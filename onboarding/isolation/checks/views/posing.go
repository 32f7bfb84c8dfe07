package views

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// posing are updates of rows that an attacker sees as their own through a view, which make those say
// that they are the victim's: a trigger of the view may believe what the new row says.
func (c *views) posing(
	ctx context.Context, t *catalog.Relation, v tenancy.Tenant, s session.Session,
) ([]viewWrite, error) {
	harmless := c.scope.Harmless(t)
	if harmless == nil || s.Identity.Person == nil {
		return nil, nil
	}
	owners := []tenancy.Tenant{{Kind: tenancy.Person, ID: *s.Identity.Person}}
	if len(s.Identity.Orgs) > 0 {
		owners = append(owners, tenancy.Tenant{Kind: tenancy.Org, ID: s.Identity.Orgs[0]})
	}
	sets, err := c.poses(ctx, t, v)
	if err != nil {
		return nil, err
	}
	var list []viewWrite
	for _, own := range owners {
		mine, err := c.ownedThrough(ctx, t, own)
		if err != nil {
			return nil, err
		}
		if mine == "" {
			continue
		}
		for _, column := range slices.Sorted(maps.Keys(sets)) {
			sql := fmt.Sprintf("UPDATE %s a SET %s", t.SQL(), t.Column(column).Assign(sets[column]))
			if harmless.Name != column {
				sql += ", " + query.Name(harmless.Name) + " = " + anyValue(harmless)
			}
			list = append(list, viewWrite{t, v, results.Update, sql + " WHERE " + mine})
		}
	}
	return list, nil
}

// poses are values, by column of a view, with which a row says that it is the victim's: their id, and
// the key of a row of theirs in a table of the view.
func (c *views) poses(ctx context.Context, t *catalog.Relation, v tenancy.Tenant) (map[string]*string, error) {
	m := c.model
	o, sets := m.Of(t), map[string]*string{}
	settable := func(name string) bool { column := t.Column(name); return column != nil && column.Update }
	for _, base := range m.Catalog.Relations {
		key := base.SingleKey()
		if base.IsView() || key == nil || !settable(key.Name) || !t.DefinedOn(base) || !m.Of(base).Owned() {
			continue
		}
		row, err := c.rows.Any(ctx, base, base.Key, m.OwnedBy(base, v))
		if err != nil {
			return nil, err
		}
		if row != nil {
			sets[key.Name] = row[0]
		}
	}
	names := o.Persons
	if v.IsOrg() {
		names = o.Orgs
	}
	for _, name := range slices.Concat(names, o.Either) {
		if settable(name) {
			sets[name] = &v.ID
		}
	}
	return sets, nil
}

// anyValue is what a harmless column of a view is set to.
func anyValue(column *catalog.Column) string {
	switch {
	case column.Category == catalog.String:
		return query.Literal("x")
	case column.NotNull:
		return query.Column("a", column.Name)
	}
	return "NULL"
}
