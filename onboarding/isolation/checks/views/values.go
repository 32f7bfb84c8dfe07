package views

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// values are those of a view's row that would be the victim's.
func (c *views) values(ctx context.Context, t *catalog.Relation, v tenancy.Tenant) (victims.Values, error) {
	values, err := c.references(ctx, t, v)
	if err != nil {
		return nil, err
	}
	for _, column := range t.Columns {
		value, err := c.baseValue(ctx, t, column, v)
		if err != nil {
			return nil, err
		}
		if _, refers := values[column.Name]; value != nil && !refers {
			values[column.Name] = value
		}
	}
	values.GiveTo(v, c.model.Of(t))
	return values, nil
}

// baseValue is a value for a view's column, from a row of a table of the view that has a column
// of the same name.
func (c *views) baseValue(
	ctx context.Context, t *catalog.Relation, column *catalog.Column, v tenancy.Tenant,
) (*string, error) {
	m := c.model
	for _, base := range m.Catalog.Relations {
		b := base.Column(column.Name)
		if base.IsView() || b == nil || b.Type != column.Type || !t.DefinedOn(base) || !m.Of(base).Owned() {
			continue
		}
		if slices.Contains(base.Key, column.Name) {
			return imagine.Unique(b), nil
		}
		row, err := c.rows.Any(ctx, base, []string{column.Name}, m.OwnedBy(base, v))
		if err != nil {
			return nil, err
		}
		if len(row) > 0 {
			return row[0], nil
		}
		return imagine.Value(b), nil
	}
	return nil, nil
}

// references are values of a view's columns from rows that a table of the view refers to and that
// have no owner, such as the product of an order. A trigger of the view needs them to write a row.
func (c *views) references(ctx context.Context, t *catalog.Relation, v tenancy.Tenant) (victims.Values, error) {
	values := victims.Values{}
	bases := slices.DeleteFunc(c.scope.OwnedTables(), func(base *catalog.Relation) bool { return !t.DefinedOn(base) })
	for _, base := range bases {
		for _, fk := range base.ForeignKeys {
			target := c.model.Catalog.Relation(fk.Target)
			if target == nil || c.model.Of(target).Owned() {
				continue
			}
			row, err := c.referable(ctx, base, fk, v)
			if err != nil {
				return nil, err
			}
			for i, name := range fk.Columns {
				if t.Column(name) != nil {
					values[name] = row[fk.TargetCols[i]]
				}
			}
			for name, value := range row {
				ownName := slices.ContainsFunc(bases, func(b *catalog.Relation) bool { return b.Column(name) != nil })
				column := t.Column(name)
				if column != nil && column.Type == target.Column(name).Type && !ownName && t.DefinedOn(target) {
					values[name] = value
				}
			}
		}
	}
	return values, nil
}

// referable is a row that a foreign key may refer to: one to which no row of the victim's refers
// yet, because a second reference may be a duplicate, or else any.
func (c *views) referable(
	ctx context.Context, base *catalog.Relation, fk catalog.ForeignKey, v tenancy.Tenant,
) (victims.Values, error) {
	target := c.model.Catalog.Relation(fk.Target)
	names := target.ColumnNames()
	used := fmt.Sprintf("(%s) IN (SELECT %s FROM %s a WHERE %s)", query.Columns("a", fk.TargetCols),
		query.Columns("a", fk.Columns), base.SQL(), c.model.OwnedBy(base, v))
	row, err := c.rows.Any(ctx, target, names, "("+used+") IS NOT TRUE")
	if row == nil && err == nil {
		row, err = c.rows.Any(ctx, target, names, "true")
	}
	values := victims.Values{}
	for i, value := range row {
		values[names[i]] = value
	}
	return values, err
}
