package rights

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// choosing renders writes that make the attacker's own row refer to the victim or to a row of theirs,
// such as the Org that somebody works in: policies may take for theirs what a column of their own says.
func (c *trust) choosing(ctx context.Context, p promotion) ([]string, error) {
	t, m := p.table, c.model
	if m.IsTenants(t) && t != m.Users.Table {
		return nil, nil
	}
	own := m.Of(t).Columns()
	if t == m.Users.Table {
		own = append(own, m.Users.ID, m.Membership.HomeColumn) // writes have tried to move into another Org
	}
	var statements []string
	for _, column := range t.Columns {
		says := slices.Contains(own, column.Name) || slices.Contains(t.Key, column.Name) // whose row it is
		if says || column.Generated || !column.Update {
			continue
		}
		values, err := c.references(ctx, p, column)
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

// references are values with which a column refers to the victim: what a foreign key leads to, else
// their id where the type is that of ids, alone or in an array.
func (c *trust) references(ctx context.Context, p promotion, column *catalog.Column) ([]*string, error) {
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

// posing renders UPDATEs that make the attacker's own row say what a victim's says elsewhere, such as
// the address of a guest, by which policies may know who somebody is.
func (c *trust) posing(ctx context.Context, p promotion) ([]string, error) {
	m, sources := c.model, c.sources(p)
	var statements []string
	for _, column := range p.table.Columns {
		if column.Category != catalog.String || !column.Update || m.IsSecret(p.table, column.Name) {
			continue
		}
		for _, other := range c.scope.OwnedTables() {
			for _, like := range other.Columns {
				if !holdsTexts(like) || m.IsSecret(other, like.Name) ||
					!likened(said{p.table, column}, said{other, like}, sources) {
					continue
				}
				value, err := c.rows.Any(ctx, other, []string{like.Name}, fmt.Sprintf("%s AND %s IS NOT NULL",
					m.OwnedBy(other, p.victim), query.Column("a", like.Name)))
				if err != nil {
					return nil, err
				}
				if len(value) == 0 {
					continue
				}
				for _, text := range spellings(like, *value[0]) {
					statements = append(statements, fmt.Sprintf("UPDATE %s a SET %s WHERE %s", p.table.SQL(),
						column.Assign(&text), m.Names(p.table, p.session.Identity)))
				}
			}
		}
	}
	return statements, nil
}

// sources are the policies of the tables that ask, and the functions that they may ask by.
func (c *trust) sources(p promotion) []string {
	var found []string
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

// said is what a table's rows say in a column.
type said struct {
	table  *catalog.Relation
	column *catalog.Column
}

// likened reports whether something may compare two columns: another table has one of the same name,
// or one source names both and their tables.
func likened(a, b said, sources []string) bool {
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

// maxSpelled is how many texts of an array are spelled.
const maxSpelled = 2

// spellings are texts by which something may take one text for a column's: itself and, of a domain, an
// address in it. Of an array they are those of its first texts.
func spellings(c *catalog.Column, value string) []string {
	texts := []string{value}
	if c.Category != catalog.String {
		texts = strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(`{},"`, r) })
	}
	var found []string
	for _, text := range texts[:min(maxSpelled, len(texts))] {
		found = append(found, text)
		if strings.Contains(text, ".") && !strings.ContainsAny(text, "@ /") {
			found = append(found, "x@"+text)
		}
	}
	return found
}
