package checks

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxArgumentLists bounds how many ways one function is called against one victim.
	maxArgumentLists = 12
	// answerRows is how many rows of an answer are looked at.
	answerRows = 200
)

// call calls a function once and returns its first answer as JSON text.
func (r *Run) call(ctx context.Context, f *catalog.Function, args string, s session.Session, v tenancy.Tenant, prey *canaries) (string, error) {
	answer := ""
	err := r.in(ctx, s, false, func(conn *pgx.Conn) error {
		before, err := r.census(ctx, conn, s, v, f)
		if err != nil {
			return err
		}
		sql := fmt.Sprintf("SELECT to_jsonb(f)::text FROM %s(%s) f LIMIT %d", f.SQL(), args, answerRows)
		if f.Kind == "p" {
			sql = fmt.Sprintf("CALL %s(%s)", f.SQL(), args)
		}
		if f.Kind == "p" {
			if err := query.Exec(ctx, conn, sql); err != nil {
				return err
			}
		} else {
			answers, err := query.Strings(ctx, conn, sql)
			if err != nil {
				return err
			}
			for i, a := range answers {
				if i == 0 {
					answer = a
				}
				if found := prey.find(a, s, givenIn(args)); found != nil {
					r.Add(results.Finding{Kind: results.Leak, Operation: "read", Table: found.table.String(), As: s.Label,
						Evidence: fmt.Sprintf("read from %s of %s by calling %s(%s), which runs with the rights of %s", found.key, found.owner, f, placeholders(f), f.Owner), Fix: fixCall(f, r.cfg.AppRole)})
				}
			}
		}
		if !f.Volatile && f.Kind == "f" {
			return nil
		}
		return r.aftermath(ctx, conn, s, v, f, before)
	})
	return answer, err
}

func placeholders(f *catalog.Function) string { return strings.Join(f.ArgTypes, ", ") }

// givenIn are the literals of an argument list.
func givenIn(args string) []string {
	var given []string
	for _, match := range anyLiteral.FindAllStringSubmatch(args, -1) {
		given = append(given, match[1])
	}
	return given
}

// census counts the victim's rows in every table that a function names, to notice what it deletes.
func (r *Run) census(ctx context.Context, conn *pgx.Conn, s session.Session, v tenancy.Tenant, f *catalog.Function) (map[*catalog.Relation]int, error) {
	counts := map[*catalog.Relation]int{}
	if !f.Volatile && f.Kind == "f" {
		return counts, nil
	}
	err := r.look(ctx, conn, s, v, func() error {
		for _, t := range r.touched(f) {
			var n int
			if err := query.One(ctx, conn, fmt.Sprintf("SELECT count(*) FROM %s a WHERE %s", t.SQL(), r.m.OwnedBy(t, v)), nil, &n); err != nil {
				return err
			}
			counts[t] = n
		}
		return nil
	})
	return counts, err
}

// touched are the tenants' tables that a function names, or all of them if it names none.
func (r *Run) touched(f *catalog.Function) []*catalog.Relation {
	names := r.mentions(f)
	return slices.DeleteFunc(slices.Clone(r.m.Cat.Relations), func(t *catalog.Relation) bool {
		return !r.m.Of(t).Owned() || t.IsView() || t.Kind == "f" || t.Partition || len(names) > 0 && !slices.Contains(names, t.String())
	})
}

// aftermath looks at what a call changed among rows that are not the attacker's.
func (r *Run) aftermath(ctx context.Context, conn *pgx.Conn, s session.Session, v tenancy.Tenant, f *catalog.Function, before map[*catalog.Relation]int) error {
	after, err := r.census(ctx, conn, s, v, f)
	if err != nil {
		return err
	}
	for _, t := range r.touched(f) {
		how := fmt.Sprintf(" by calling %s(%s), which runs with the rights of %s", f, placeholders(f), f.Owner)
		if after[t] < before[t] {
			r.Add(results.Finding{Kind: results.Leak, Operation: "delete", Table: t.String(), As: s.Label, Evidence: fmt.Sprintf("deleted %d rows of %s%s", before[t]-after[t], v, how), Fix: fixCall(f, r.cfg.AppRole)})
			continue
		}
		by := tenancy.Changed
		if after[t] > before[t] {
			by = tenancy.Placed
		}
		p, err := r.written(ctx, conn, s, v, t, "true", by)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		operation, verb := "update", "updated"
		if after[t] > before[t] || before[t] == 0 && after[t] == 0 && !strings.Contains(strings.ToLower(f.Source), "update") {
			operation, verb = "insert", "inserted"
		}
		r.Add(results.Finding{Kind: results.Leak, Operation: operation, Table: t.String(), As: s.Label, Evidence: fmt.Sprintf("%s %s of %s%s", verb, p.Key, p.Owner, how), Fix: fixCall(f, r.cfg.AppRole)})
	}
	return nil
}

// argumentLists are ways to call a function against a victim: ids of the tenant and of its rows where the type fits, in the order in which
// the arguments' names suggest them, and plain values elsewhere.
func (r *Run) argumentLists(f *catalog.Function, v tenancy.Tenant, prey *canaries) []string {
	lists := []string{""}
	for i, argType := range f.ArgTypes {
		name := ""
		if i < len(f.ArgNames) {
			name = catalog.Normal(f.ArgNames[i])
		}
		var next []string
		for _, value := range r.candidates(f, name, argType, v, prey) {
			for _, list := range lists {
				if list != "" {
					list += ", "
				}
				next = append(next, list+value+"::"+argType)
			}
		}
		lists = next[:min(len(next), maxArgumentLists)]
	}
	return lists
}

func (r *Run) candidates(f *catalog.Function, name, argType string, v tenancy.Tenant, prey *canaries) []string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "p"), "in")
	var values []string
	add := func(value *string) {
		if value != nil && !slices.Contains(values, query.Literal(*value)) {
			values = append(values, query.Literal(*value))
		}
	}
	tenant := v.Person + v.Org
	for table, row := range prey.rows[v] {
		if len(table.Key) == 1 && table.Column(table.Key[0]).Type == argType && (catalog.Names(name, table.Name) || catalog.Names("x"+name, "x"+table.Name)) {
			add(row[table.Key[0]])
		}
	}
	switch {
	case len(values) > 0:
	case argType == r.m.UserType || argType == r.m.OrgType:
		hintsUser := strings.Contains(name, "user") || strings.Contains(name, "person") || strings.Contains(name, "owner") || strings.Contains(name, "member")
		hintsOrg := strings.Contains(name, "org") || strings.Contains(name, "tenant") || strings.Contains(name, "workspace")
		if !hintsUser && !hintsOrg || (v.Org == "") == hintsUser {
			add(&tenant)
		}
		for _, other := range r.victims {
			if hintsUser && other.Person != "" {
				add(&other.Person)
			}
			if hintsOrg && other.Org != "" {
				add(&other.Org)
			}
		}
		if !hintsUser && !hintsOrg {
			for table, row := range prey.rows[v] {
				if len(table.Key) == 1 && table.Column(table.Key[0]).Type == argType {
					add(row[table.Key[0]])
				}
			}
		}
	}
	if len(values) > 0 {
		return values
	}
	plain := func(options ...string) []string {
		for _, o := range options {
			values = append(values, query.Literal(o))
		}
		return values
	}
	switch {
	case strings.HasSuffix(argType, "[]"):
		for _, t := range r.touched(f) {
			if row := prey.rows[v][t]; len(t.Key) == 1 && row[t.Key[0]] != nil && t.Column(t.Key[0]).Type == strings.TrimSuffix(argType, "[]") {
				add(query.Ref("{" + *row[t.Key[0]] + "}"))
			}
		}
		return plain("{" + tenant + "}")
	case argType == "text" || strings.HasPrefix(argType, "character") || argType == "name" || argType == "citext":
		for column, value := range prey.tenants[v] {
			if n := catalog.Normal(column); n != "" && (strings.Contains(name, n) || n == "slug" && name == "tenant") {
				add(value)
			}
		}
		if len(values) > 0 {
			return values
		}
		for _, text := range r.tempting(f, name, v, prey) {
			add(&text)
		}
		return values
	case argType == "regclass":
		return plain(r.touchedNames(f)...)
	case argType == "integer" || argType == "bigint" || argType == "smallint" || argType == "numeric" || argType == "double precision" || argType == "real":
		for _, t := range r.touched(f) {
			if row := prey.rows[v][t]; row != nil && len(t.Key) == 1 && t.Column(t.Key[0]).Category == "N" {
				add(row[t.Key[0]])
			}
		}
		return plain("100", "1")
	case argType == "boolean":
		return plain("true")
	case strings.HasPrefix(argType, "json"):
		for _, document := range r.documents(f, v, prey) {
			add(&document)
		}
		return plain("{}")
	}
	// What a victim's row holds in a column of the type, or one that is like it.
	dates := strings.HasPrefix(argType, "timestamp") || argType == "date"
	for _, t := range r.touched(f) {
		for _, c := range t.Columns {
			if value := prey.rows[v][t][c.Name]; len(values) < 3 && (c.Type == argType || dates && c.Category == "D") {
				add(value)
			}
		}
	}
	if dates {
		if strings.Contains(name, "to") || strings.Contains(name, "end") || strings.Contains(name, "until") || strings.Contains(name, "before") {
			return slices.Concat([]string{query.Literal("2199-01-01")}, values)
		}
		return slices.Concat([]string{query.Literal("1970-01-01")}, values)
	}
	if len(values) > 0 {
		return values
	}
	return []string{"NULL"}
}

// documents are victims' rows as JSON, with the names that the function asks for beside those of the columns.
func (r *Run) documents(f *catalog.Function, v tenancy.Tenant, prey *canaries) []string {
	var found []string
	for _, t := range r.touched(f) {
		row := prey.rows[v][t]
		if row == nil || len(found) == 3 {
			continue
		}
		document := map[string]*string{}
		for name, value := range row {
			document[name] = value
		}
		for _, match := range jsonKey.FindAllStringSubmatch(f.Source, -1) {
			if _, known := document[match[1]]; !known && len(t.Key) == 1 && catalog.Names(match[1], t.Name) {
				document[match[1]] = row[t.Key[0]]
			}
		}
		if text, err := json.Marshal(document); err == nil {
			found = append(found, string(text))
		}
	}
	return found
}

// maxWords bounds how many words of victims' rows a function is asked for.
const maxWords = 6

// tempting are texts that a function may find a victim's rows by: patterns, what stands in columns of the argument's name, other texts and their
// words, and SQL where it is put together from them.
func (r *Run) tempting(f *catalog.Function, name string, v tenancy.Tenant, prey *canaries) []string {
	tables := r.touched(f)
	var found []string
	if dynamic.MatchString(f.Source) {
		found = append(found, "true", "' OR true --", "true) OR (true")
		for _, t := range tables[:min(2, len(tables))] {
			found = append(found, fmt.Sprintf("(SELECT string_agg(to_jsonb(v)::text, '') FROM %s v)", t.SQL()))
		}
		found = append(found, r.touchedNames(f)...)
	}
	found = append(found, "%")
	var named, texts []string
	for _, t := range tables {
		for _, c := range t.Columns {
			value := prey.rows[v][t][c.Name]
			if value == nil || c.Category != "S" || len(*value) > 100 {
				continue
			}
			words := strings.FieldsFunc(*value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			some := []string{*value}
			if len(words) > 1 {
				some = append(some, slices.MaxFunc(words, func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
			}
			if n := catalog.Normal(c.Name); strings.Contains(name, n) || strings.Contains(n, name) && name != "" {
				named = append(named, some...)
			} else {
				texts = append(texts, some...)
			}
		}
	}
	texts = slices.Concat(named, texts)
	found = append(found, texts[:min(len(texts), maxWords)]...)
	return append(found, "' OR true --", "", "x")
}

// dynamic matches sources that put SQL together.
var dynamic = regexp.MustCompile(`(?i)\bexecute\b`)

func (r *Run) touchedNames(f *catalog.Function) []string {
	var names []string
	for _, t := range r.touched(f) {
		names = append(names, t.SQL())
	}
	return names[:min(len(names), 3)]
}
