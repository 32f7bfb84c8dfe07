package seed

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/imagine"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// columns is what the server knows about columns beside their types.
type columns struct {
	defaults map[column]bool
	// allowed are the texts that CHECK constraints compare a column with.
	allowed map[column][]string
}

type column struct {
	relation uint32
	name     string
}

const defaultsSQL = `SELECT attrelid, attname::text, '' FROM pg_attribute WHERE atthasdef OR attidentity <> ''`

const checksSQL = `
SELECT c.conrelid, a.attname::text, pg_get_expr(c.conbin, c.conrelid)
  FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
 WHERE c.contype = 'c' AND cardinality(c.conkey) = 1`

func readColumns(ctx context.Context, q query.Querier) (*columns, error) {
	known := &columns{defaults: map[column]bool{}, allowed: map[column][]string{}}
	read := func(sql string, note func(c column, expression string)) error {
		rows, err := q.Query(ctx, sql)
		if err != nil {
			return err
		}
		var c column
		var expression string
		_, err = pgx.ForEachRow(rows, []any{&c.relation, &c.name, &expression}, func() error {
			note(c, expression)
			return nil
		})
		return err
	}
	if err := read(defaultsSQL, func(c column, _ string) { known.defaults[c] = true }); err != nil {
		return nil, err
	}
	return known, read(checksSQL, func(c column, expression string) {
		known.allowed[c] = append(known.allowed[c], constants(expression)...)
	})
}

// constants are the constants of an expression, none if it cannot be parsed.
func constants(expression string) (found []string) {
	tree, err := sqltree.Expression(expression)
	if err != nil {
		return nil
	}
	sqltree.Walk(tree, func(n sqltree.Node) bool {
		if text, ok := n.Constant(); ok && text != "" {
			found = append(found, text)
		}
		return true
	})
	return found
}

// styles is how many kinds of texts are tried, in the order of [columns.value].
const styles = 4

// value is a value for a column that nothing decides, or false where the server's own will do.
func (k *columns) value(t *catalog.Relation, c *catalog.Column, style int) (*string, bool) {
	key := column{t.OID, c.Name}
	unique := slices.ContainsFunc(t.Unique, func(names []string) bool { return slices.Contains(names, c.Name) })
	switch {
	case k.defaults[key], !c.NotNull:
		return nil, false
	case c.Category == catalog.String && !unique && len(k.allowed[key]) > 0:
		allowed := k.allowed[key]
		return &allowed[style%len(allowed)], true
	case c.Category == catalog.String && style > 0:
		return new(text(style)), true
	case unique:
		if value := imagine.Unique(c); value != nil {
			return value, true
		}
	}
	return imagine.Value(c), true
}

// text is one of the shapes that constraints usually ask for, unlike all others.
func text(style int) string {
	letters := make([]byte, 8)
	for i, b := range uuid.New() {
		letters[i%len(letters)] = 'a' + b%26
	}
	switch style {
	case 1:
		return string(letters)
	case 2:
		return string(letters) + "@example.com"
	}
	return "https://example.com/" + string(letters)
}
