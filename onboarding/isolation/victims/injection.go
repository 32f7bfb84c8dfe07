package victims

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// injectedTables is how many tables injected SQL reads.
	injectedTables = 2
	// maxParentheses is how many parentheses injected SQL closes.
	maxParentheses = 3
)

// InjectionLists returns ways to call a function that puts SQL together, with SQL for each of its
// arguments that is a text: out of quotes and parentheses, in the place of a number or a name, as a
// second statement, and such that only the number of rows that are found, or an error, tells of it.
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
		if !a.isText() {
			continue
		}
		for _, sql := range a.injections() {
			list := slices.Clone(plain)
			list[i] = query.Literal(sql) + "::" + a.typ
			lists = append(lists, strings.Join(list, ", "))
		}
	}
	return lists
}

// injections are SQL for a function that puts SQL together.
func (a argument) injections() []string {
	tables := a.tables()
	tables = tables[:min(injectedTables, len(tables))]
	found := []string{"true", "true) OR (true"}
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
