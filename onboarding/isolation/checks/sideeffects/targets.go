package sideeffects

import (
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// target is a table of tenants' rows to which columns of another table lead, each by its own key:
// a column of the target that holds the same value.
type target struct {
	table         *catalog.Relation
	columns, keys []string
	// compared says that nothing but the code of triggers and rules leads there.
	compared bool
}

// of narrows a condition on the target, alias a, to rows to which a column can lead.
func (target target) of(condition string) string {
	var held []string
	for _, key := range target.keys {
		held = append(held, query.Column("a", key)+" IS NOT NULL")
	}
	return "(" + condition + ") AND (" + query.AnyOf(held) + ")"
}

// privateFirst orders rows, alias a, so that those that are public by design come last.
func (c *triggers) privateFirst(t *catalog.Relation) string {
	if c.model.PublicRows(t) == "" {
		return ""
	}
	return " ORDER BY " + c.model.Public(t, "a")
}

// targets are the tables to whose rows columns of t lead. Those that are compared come last.
func (c *triggers) targets(t *catalog.Relation) []target {
	list, known := c.found[t]
	if known {
		return list
	}
	uses := c.model.Catalog.UsesOfRow(t)
	var compared []target
	for _, table := range c.scope.OwnedTables() {
		if c.model.Of(table).Class != tenancy.ClassTenant {
			continue
		}
		found := target{table: table}
		if len(table.Key) == 1 {
			found.columns = referring(t, table)
			found.keys = slices.Repeat(table.Key, len(found.columns))
		}
		if len(found.columns) > 0 {
			list = append(list, found)
		}
		if other := c.comparing(t, uses, found); len(other.columns) > 0 {
			compared = append(compared, other)
		}
	}
	list = append(list, compared...)
	c.found[t] = list
	return list
}

// comparing returns the target of those columns of t that only the code of triggers and rules
// compares with columns of its table. An attacker knows what these hold, and chooses what the row
// says.
func (c *triggers) comparing(t *catalog.Relation, uses map[string][]catalog.Use, by target) target {
	found := target{table: by.table, compared: true}
	for _, column := range t.Columns {
		if slices.Contains(c.model.Of(t).Columns(), column.Name) || slices.Contains(by.columns, column.Name) {
			continue
		}
		for _, use := range uses[column.Name] {
			key := by.table.Column(use.Column)
			if use.Set || use.Relation != by.table.Name || key == nil ||
				key.Category != column.Category && !lists(column, key) ||
				by.table == t && slices.Contains(t.Key, column.Name) || c.model.IsSecret(by.table, key.Name) {
				continue
			}
			found.columns, found.keys = append(found.columns, column.Name), append(found.keys, key.Name)
			break
		}
	}
	return found
}

// compared are the columns of t whose values only the code of triggers and rules gives a meaning.
func (c *triggers) compared(t *catalog.Relation) []string {
	var columns []string
	for _, target := range c.targets(t) {
		if target.compared {
			columns = append(columns, target.columns...)
		}
	}
	return columns
}

// lists reports whether a column holds an array of what another holds.
func lists(column, key *catalog.Column) bool { return column.Type == key.Type+"[]" }

// fill writes what a row of the target holds in its keys into the columns of a row of t that lead
// there.
func (target target) fill(t *catalog.Relation, row victims.Values, held []*string) {
	for i, name := range target.columns {
		switch {
		case held[i] == nil:
		case lists(t.Column(name), target.table.Column(target.keys[i])):
			row[name] = new(query.ArrayText([]string{*held[i]}))
		default:
			row[name] = held[i]
		}
	}
}

// only is the target with one of its columns alone.
func (target target) only(i int) target {
	target.columns, target.keys = target.columns[i:i+1], target.keys[i:i+1]
	return target
}

// referring returns the columns of a table that lead to a row of another, by a foreign key or by
// their names.
func referring(t, target *catalog.Relation) []string {
	var columns []string
	for _, column := range t.Columns {
		leads := slices.ContainsFunc(t.ForeignKeys, func(fk catalog.ForeignKey) bool {
			return fk.Target == target.OID && slices.Contains(fk.Columns, column.Name) &&
				slices.Equal(fk.TargetCols, target.Key)
		})
		if leads || catalog.RefersTo(column.Name, target.Name) {
			columns = append(columns, column.Name)
		}
	}
	return columns
}
