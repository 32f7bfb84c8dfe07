package rights

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// referenceUpdates renders UPDATEs by which the attacker's own row refers to the victim or to a
// row of theirs, such as the Org that somebody works in: policies may let people see what their
// own row refers to.
func (c *trust) referenceUpdates(ctx context.Context, p promotion) ([]string, error) {
	t, m := p.table, c.model
	if m.IsTenants(t) && t != m.Users.Table {
		return nil, nil
	}
	identifying := slices.Concat(c.owners(t), t.Key)
	var statements []string
	for _, column := range t.Columns {
		if slices.Contains(identifying, column.Name) || column.Generated || !column.Update {
			continue
		}
		values, err := c.referenceValues(ctx, p, column)
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			statements = append(statements, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", t.SQL(), column.Assign(value),
				m.Names(t, p.session.Identity)))
		}
	}
	return statements, nil
}

// owners are the columns that say whose a row is, which writes have tried to change.
func (c *trust) owners(t *catalog.Relation) []string {
	if t == c.model.Users.Table {
		return append(c.model.Of(t).Columns(), c.model.Users.ID, c.model.Membership.HomeColumn)
	}
	return c.model.Of(t).Columns()
}

// referenceValues are values with which a column refers to the victim: those of a row of theirs
// that a foreign key leads to or, where the column has the type of ids or of arrays of them, their
// id.
func (c *trust) referenceValues(ctx context.Context, p promotion, column *catalog.Column) ([]*string, error) {
	m, tenants := c.model, c.model.TableOf(p.victim.Kind)
	for _, fk := range p.table.ForeignKeys {
		target := m.Catalog.Relation(fk.Target)
		if len(fk.Columns) != 1 || fk.Columns[0] != column.Name || target == nil || !m.Of(target).Owned() {
			continue
		}
		return c.rows.Any(ctx, target, fk.TargetCols, m.OwnedBy(target, p.victim))
	}
	switch {
	case p.table.InForeignKey(column.Name) || tenants.Table == nil:
		return nil, nil
	case column.Type == tenants.Type:
		return []*string{&p.victim.ID}, nil
	case column.Type == tenants.Type+"[]":
		list := query.ArrayText([]string{p.victim.ID})
		return []*string{&list}, nil
	}
	return nil, nil
}

// identityUpdates renders UPDATEs by which the attacker's own row says what a row of the victim's
// says elsewhere, such as the address of a guest: policies may recognize people by it.
func (c *trust) identityUpdates(ctx context.Context, p promotion) ([]string, error) {
	sources, owners := c.sources(p), c.owners(p.table)
	var statements []string
	for _, column := range p.table.Columns {
		if column.Category != catalog.String || !column.Update || slices.Contains(owners, column.Name) ||
			c.model.IsSecret(p.table, column.Name) {
			continue
		}
		texts, err := c.compared(ctx, p, column, sources)
		if err != nil {
			return nil, err
		}
		for _, text := range texts {
			statements = append(statements, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", p.table.SQL(),
				column.Assign(&text), c.model.Names(p.table, p.session.Identity)))
		}
	}
	return statements, nil
}

// compared are texts of the victim's rows, in columns that a source may compare with a column.
func (c *trust) compared(
	ctx context.Context, p promotion, column *catalog.Column, sources []string,
) ([]string, error) {
	m := c.model
	var texts []string
	for _, other := range c.scope.OwnedTables() {
		for _, like := range other.Columns {
			if !holdsTexts(like) || m.IsSecret(other, like.Name) ||
				!mayCompare(tableColumn{p.table, column}, tableColumn{other, like}, sources) {
				continue
			}
			value, err := c.rows.Any(ctx, other, []string{like.Name}, fmt.Sprintf("%s AND %s IS NOT NULL",
				m.OwnedBy(other, p.victim), query.Column("a", like.Name)))
			if err != nil {
				return nil, err
			}
			if len(value) > 0 {
				texts = append(texts, matching(like, *value[0])...)
			}
		}
	}
	return texts, nil
}

// sources are those that may compare columns: the policies and views that read the table, and the
// functions by which they may read it.
func (c *trust) sources(p promotion) []string {
	var found []string
	for _, view := range p.views {
		found = append(found, view.Definition)
	}
	for _, t := range p.asking {
		for _, policy := range t.Policies {
			found = append(found, t.Name+" "+policy.Using+" "+policy.Check) // its columns are the table's
		}
	}
	names := c.model.Catalog.NamedVia(p.table)
	for _, f := range c.model.Catalog.Functions {
		if slices.Contains(names, f.Name) {
			found = append(found, f.Text())
		}
	}
	return found
}

// tableColumn is a column of a table.
type tableColumn struct {
	table  *catalog.Relation
	column *catalog.Column
}

// mayCompare reports whether something may compare two columns: they have one name in two tables,
// or one source names both and the table of the second.
func mayCompare(a, b tableColumn, sources []string) bool {
	if a.table != b.table && a.column.Name == b.column.Name {
		return true
	}
	return slices.ContainsFunc(sources, func(source string) bool {
		return catalog.Names(source, a.column.Name) && catalog.Names(source, b.column.Name) &&
			catalog.Names(source, b.table.Name)
	})
}

// holdsTexts reports whether a column is of texts, or of arrays of them.
func holdsTexts(c *catalog.Column) bool {
	arrays := []string{"text[]", "character varying[]", "citext[]"}
	return c.Category == catalog.String || slices.Contains(arrays, c.Type)
}

// maxArrayTexts is how many texts of an array are tried.
const maxArrayTexts = 2

// matching are texts that a policy may find to match a column's value: the value itself and, if it
// is a domain, an address in it. For an array they are those that match its first texts.
func matching(c *catalog.Column, value string) []string {
	texts := []string{value}
	if c.Category != catalog.String {
		texts = strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(`{},"`, r) })
	}
	var found []string
	for _, text := range texts[:min(maxArrayTexts, len(texts))] {
		found = append(found, text)
		if strings.Contains(text, ".") && !strings.ContainsAny(text, "@ /") {
			found = append(found, "x@"+text)
		}
	}
	return found
}
