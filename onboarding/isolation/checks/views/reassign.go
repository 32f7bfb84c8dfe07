package views

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// reassignments are updates of rows that are the attacker's own by what a view says, after which
// they say that they are the victim's: a trigger of the view may believe what the new row says.
func (c *views) reassignments(
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
	sets, err := c.assignments(ctx, t, v)
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
		for _, set := range sets {
			sql := fmt.Sprintf("UPDATE %s a SET %s", t.SQL(), set.column.Assign(set.value))
			if harmless != set.column {
				sql += ", " + query.Name(harmless.Name) + " = " + anyValue(harmless)
			}
			list = append(list, viewWrite{t, v, results.Update, sql + " WHERE " + mine})
		}
	}
	return list, nil
}

// assignment is a value of a view's column by which a row says that it is the victim's.
type assignment struct {
	column *catalog.Column
	value  *string
}

// assignments are those of the keys of a row of the victim's in each table of the view, and of
// their id.
func (c *views) assignments(ctx context.Context, t *catalog.Relation, v tenancy.Tenant) ([]assignment, error) {
	m := c.model
	o := m.Of(t)
	var found []assignment
	for _, base := range m.Catalog.Relations {
		key := base.SingleKey()
		if base.IsView() || key == nil || !t.DefinedOn(base) || !m.Of(base).Owned() {
			continue
		}
		column := t.Column(key.Name)
		if column == nil || !column.Update || column.Type != key.Type {
			continue
		}
		row, err := c.rows.Any(ctx, base, base.Key, m.OwnedBy(base, v))
		if err != nil {
			return nil, err
		}
		if row != nil {
			found = append(found, assignment{column, row[0]})
		}
	}
	names := o.Persons
	if v.IsOrg() {
		names = o.Orgs
	}
	for _, name := range slices.Concat(names, o.Either) {
		if column := t.Column(name); column != nil && column.Update {
			found = append(found, assignment{column, &v.ID})
		}
	}
	return found, nil
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
