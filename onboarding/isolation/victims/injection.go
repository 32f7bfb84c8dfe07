package victims

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxInjectedTables bounds how many tables injected SQL reads.
	maxInjectedTables = 2
	// maxNamedTables bounds how many tables are named alone.
	maxNamedTables = 8
	// maxParentheses is how many parentheses injected SQL closes.
	maxParentheses = 3
)

// InjectionLists returns ways to call a function that puts SQL together, with SQL for each of its
// arguments that holds texts: out of quotes and parentheses, in the place of a number or a name,
// as a second statement, and such that only the number of rows that are found, or an error, tells
// of it. Documents hold it as a value and as a key.
func (c *Caller) InjectionLists(f *catalog.Function, v tenancy.Tenant) []string {
	if !f.Mentions("execute") {
		return nil
	}
	if body, err := f.Body(); err == nil && (body == nil || len(body.Dynamic) == 0) {
		return nil
	}
	arguments := c.arguments(f, v)
	plain := make([]string, len(arguments))
	for i, a := range arguments {
		plain[i] = a.usual()
	}
	var lists []string
	for i, a := range arguments {
		for _, value := range a.injected() {
			list := slices.Clone(plain)
			list[i] = query.Literal(value) + "::" + a.typ
			lists = append(lists, strings.Join(list, ", "))
		}
	}
	return lists
}

// injected are values of the argument's type that hold SQL. There are none for a type that holds
// no texts.
func (a argument) injected() []string {
	switch {
	case a.isText():
		return a.injections()
	case a.element().isText():
		var found []string
		for _, sql := range a.injections() {
			found = append(found, query.ArrayText([]string{sql}))
		}
		return found
	case strings.HasPrefix(a.typ, "json"):
		return a.injectedDocuments()
	}
	return nil
}

// injectedDocuments are documents with SQL in the values of the keys that the function reads and
// of columns, and in keys that begin with the name of a column.
func (a argument) injectedDocuments() []string {
	var found []string
	add := func(document map[string]string) {
		if text, err := json.Marshal(document); err == nil && len(document) > 0 {
			found = append(found, string(text))
		}
	}
	columns := a.textColumns()
	for _, name := range columns {
		for _, key := range []string{"%[1]s IS NULL OR true OR %[1]s", "%[1]s IS NULL) OR (true OR %[1]s",
			"%[1]s' IS NULL OR true OR '", "%[1]s') IS NULL OR true OR ('"} {
			add(map[string]string{fmt.Sprintf(key, name): "x"})
		}
	}
	read := a.keys()
	for _, sql := range a.injections() {
		document := map[string]string{}
		for _, key := range read {
			document[key] = sql
		}
		add(document)
		for _, name := range columns {
			add(map[string]string{name: sql})
		}
	}
	return found
}

// textColumns are a column with texts, and no key, of each of a few tables that the function may
// read.
func (a argument) textColumns() []string {
	var found []string
	for _, t := range a.tables() {
		fixed := slices.Concat(t.Key, a.caller.model.Of(t).Columns())
		i := slices.IndexFunc(t.Columns, func(c *catalog.Column) bool {
			return c.Category == catalog.String && c.Label == "" && !slices.Contains(fixed, c.Name)
		})
		if i >= 0 && len(found) < maxInjectedTables && !slices.Contains(found, t.Columns[i].Name) {
			found = append(found, t.Columns[i].Name)
		}
	}
	return found
}

// injectedTables are the tables that injected SQL reads.
func (a argument) injectedTables() []*catalog.Relation {
	tables := a.tables()
	return tables[:min(maxInjectedTables, len(tables))]
}

// injections are SQL for a function that puts SQL together.
func (a argument) injections() []string {
	tables := a.injectedTables()
	found := []string{"true", "true) OR (true"}
	for _, t := range a.tables()[:min(maxNamedTables, len(a.tables()))] {
		found = append(found, t.Name) // as the name of a table to read
	}
	for n := range maxParentheses {
		end := strings.Repeat(")", n)
		found = append(found, "x'"+end+" OR true --", "0"+end+" OR true --", `x"`+end+" OR true --")
		for _, t := range tables {
			found = append(found, fmt.Sprintf(
				"x'%s UNION ALL SELECT string_agg(to_jsonb(v)::text, '') FROM %s v --", end, t.SQL()))
		}
	}
	for _, t := range tables {
		found = append(found, t.SQL(),
			fmt.Sprintf("(SELECT string_agg(to_jsonb(v)::text, '') FROM %s v)", t.SQL()),
			fmt.Sprintf("'||(SELECT string_agg(to_jsonb(v)::text, '') FROM %s v)||'", t.SQL()),
			fmt.Sprintf("(SELECT count(*) %% 2 FROM %s)", t.SQL()),
			fmt.Sprintf("(SELECT count(*) %% 3 FROM %s)", t.SQL()),
			fmt.Sprintf("x'; DELETE FROM %s; --", t.SQL()), fmt.Sprintf("1; DELETE FROM %s; --", t.SQL()))
	}
	return append(found, a.afterExpression()...)
}
