package victims

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxTextIDs bounds the ids among the texts that a function is called with.
	maxTextIDs = 2
	// maxTexts bounds how many texts and words of victims' rows a function is asked for.
	maxTexts = 6
	// maxDocuments and maxDates bound how many values of those types a function is called with,
	// and maxNames how many names of tables.
	maxDocuments, maxDates, maxNames = 3, 3, 3
	// maxNumbers bounds the numbers that are no keys.
	maxNumbers = 3
	// maxTextLength is the length of the longest text that a function is asked for.
	maxTextLength = 100
)

// argument is one argument of a call.
type argument struct {
	caller   *Caller
	function *catalog.Function
	name     string // normalized, without a prefix such as p_
	typ      string // a domain's base type
	cast     string // as the call spells it
	kind     string // pg_type.typtype
	label    string // of an enum
	preset   string // its default, as SQL, or empty
	victim   tenancy.Tenant
	uses     []catalog.Use
	literals []string   // that the function compares it with
	own      *ownTenant // where the value is to be the attacker's, or nil
	beside   *beside    // where lists are to hold the attacker's own, too, or nil
}

// null is the value where nothing else could be made up.
const null = "NULL"

// typical are values of types that no row of a victim's need have.
var typical = map[string]string{
	"interval": "1 hour", "inet": "127.0.0.1", "cidr": "127.0.0.0/8", "bytea": `\x00`, "money": "1",
	"time without time zone": "12:00", "time with time zone": "12:00+00", "point": "(0,0)", "bit varying": "1",
	"uuid": "00000000-0000-0000-0000-000000000000", "oid": "1", "xml": "<x/>", "jsonpath": "$", "tsquery": "x",
	"tsvector": "x", "hstore": "", "ltree": "x",
}

// literals are distinct values as a statement spells them.
type literals []string

func (l *literals) add(values ...*string) {
	for _, value := range values {
		if value != nil && !slices.Contains(*l, query.Literal(*value)) {
			*l = append(*l, query.Literal(*value))
		}
	}
}

func (l *literals) addText(values ...string) {
	for _, value := range values {
		l.add(&value)
	}
}

func (a argument) nameHas(parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(a.name, part) })
}

// element is an element of an argument that is an array.
func (a argument) element() argument {
	a.typ = strings.TrimSuffix(a.typ, "[]")
	return a
}

func (a argument) isText() bool {
	return a.typ == "text" || a.typ == "name" || strings.HasPrefix(a.typ, "character") ||
		strings.HasSuffix(a.typ, "citext")
}

// candidates are the values to call with.
func (a argument) candidates() []string {
	if ids, named := a.ids(); len(ids) > 0 {
		if named || !a.isText() {
			return ids
		}
		// Where ids are texts, a text need not be an id.
		return slices.Concat(ids[:min(maxTextIDs, len(ids))], a.texts())
	}
	switch {
	case a.label != "" && !strings.HasSuffix(a.typ, "[]"):
		return append(a.likeColumns(), query.Literal(a.label))
	case a.kind == "c":
		return a.composites()
	case a.kind == catalog.Composites:
		return compositeLists(a)
	case a.kind == "r" || strings.HasSuffix(a.typ, "range") && !strings.HasSuffix(a.typ, "multirange"):
		return []string{query.Literal("(,)")}
	case a.kind == "m":
		return []string{query.Literal("{(,)}")}
	case strings.HasSuffix(a.typ, "[]"):
		return a.arrays()
	case a.isText():
		return a.texts()
	case a.typ == "regclass":
		return a.tableNames()
	case slices.Contains([]string{"integer", "bigint", "smallint", "numeric", "double precision", "real"}, a.typ):
		return a.numbers()
	case a.typ == "boolean":
		return []string{query.Literal("true"), query.Literal("false")}
	case strings.HasPrefix(a.typ, "json"):
		return a.documents()
	}
	return a.others()
}

// ids are those of the victim, of its rows and of other victims, where the argument's type and
// name fit. named says that the argument's name is that of a tenant or of a table.
func (a argument) ids() (found literals, named bool) {
	relations := a.caller.model.Catalog.Relations
	for _, table := range relations {
		key, row := table.SingleKey(), a.row(table)
		if row != nil && key != nil && key.Type == a.typ &&
			(catalog.RefersTo(a.name, table.Name) || catalog.RefersTo("x"+a.name, "x"+table.Name)) {
			found.add(row[key.Name])
		}
	}
	m := a.caller.model
	if len(found) > 0 || a.typ != m.Users.Type && a.typ != m.Orgs.Type {
		return found, len(found) > 0
	}
	namesPerson := a.nameHas("user", "person", "owner", "member")
	namesOrg := a.nameHas("org", "tenant", "workspace")
	if !namesPerson && !namesOrg || a.victim.IsOrg() != namesPerson {
		found.add(&a.victim.ID)
	}
	for _, other := range a.caller.victims.List() {
		if namesPerson && !other.IsOrg() || namesOrg && other.IsOrg() {
			found.add(&other.ID)
		}
	}
	if namesPerson || namesOrg {
		return found, true
	}
	for _, table := range relations {
		if key, row := table.SingleKey(), a.row(table); row != nil && key != nil && key.Type == a.typ {
			found.add(row[key.Name])
		}
	}
	return found, false
}

// row returns a row of the victim's, or of the attacker's own, or nil.
func (a argument) row(t *catalog.Relation) Values {
	if a.own != nil {
		return a.own.rows[t]
	}
	return a.caller.canaries.Row(a.victim, t)
}

func (a argument) tables() []*catalog.Relation { return a.caller.Tables(a.function) }

func (a argument) arrays() literals {
	var found literals
	for _, t := range a.tables() {
		key := t.SingleKey()
		if key == nil || key.Type != a.element().typ {
			continue
		}
		if id := a.row(t)[key.Name]; id != nil {
			found.addText(query.ArrayText(elements(a.beside, a.beside.row(t)[key.Name], *id)))
		}
	}
	if a.label != "" {
		return append(found, query.Literal("{"+a.label+"}"))
	}
	if a.element().isText() {
		for _, column := range a.textColumns() {
			found.addText(query.ArrayText([]string{column}))
		}
	}
	found.addText(query.ArrayText(elements(a.beside, a.beside.tenant(a.victim), a.victim.ID)))
	return found
}

// numbers are those for which the argument's name speaks, which are of a column or the part of a
// date, keys of the victim's rows, plain ones, and what the rows hold in other columns of numbers.
func (a argument) numbers() literals {
	var named, keys, others literals
	part := partOfDate(a)
	for _, t := range a.tables() {
		row, key := a.row(t), t.SingleKey()
		for _, c := range t.Columns {
			switch {
			case c.Category == catalog.DateTime && part != "" && row[c.Name] != nil:
				named = append(named, fmt.Sprintf("extract(%s FROM %s)", part, c.Literal(row[c.Name])))
			case c.Category != catalog.Numeric || slices.Contains(a.caller.model.Of(t).Columns(), c.Name):
			case c == key:
				keys.add(row[c.Name])
			case a.name != "" && catalog.Normalize(c.Name) == a.name:
				named.add(row[c.Name])
			case len(others) < maxNumbers:
				others.add(row[c.Name])
			}
		}
	}
	return slices.Concat(named, keys, literals{query.Literal("100"), query.Literal("1")}, others)
}

// partOfDate is the part of a date that the argument, by its name, stands for, or "".
func partOfDate(a argument) string {
	for _, part := range []string{"year", "month", "day", "week", "quarter"} {
		if a.name == part[:1] || a.nameHas(part) {
			return part
		}
	}
	return ""
}

// tableNames are the names of the tables that the function may read or write.
func (a argument) tableNames() literals {
	var found literals
	for _, t := range a.tables() {
		found.addText(t.SQL())
	}
	return found[:min(len(found), maxNames)]
}

// likeColumns are what victims' rows hold in columns of the type, or of one that is like it.
func (a argument) likeColumns() literals {
	var found literals
	for _, t := range a.tables() {
		row := a.row(t)
		for _, c := range t.Columns {
			like := c.Type == a.typ || c.Type == a.cast || a.isDate() && c.Category == catalog.DateTime
			if len(found) < maxDates && like {
				found.add(row[c.Name])
			}
		}
	}
	return found
}

func (a argument) isDate() bool { return strings.HasPrefix(a.typ, "timestamp") || a.typ == "date" }

// others are what is like the columns of victims' rows, or as good as anything.
func (a argument) others() []string {
	found, dates := a.likeColumns(), a.isDate()
	switch {
	case dates && a.nameHas("to", "end", "until", "before"):
		return slices.Insert(found, 0, query.Literal("2199-01-01"))
	case dates:
		return slices.Insert(found, 0, query.Literal("1970-01-01"))
	}
	if value, ok := typical[a.typ[strings.LastIndexByte(a.typ, '.')+1:]]; ok && len(found) == 0 {
		found.addText(value)
	}
	if len(found) == 0 {
		return []string{null}
	}
	return found
}

// texts are those of the tenant's own row if the argument is named for one of its columns, else
// texts by which the function may find a victim's rows.
func (a argument) texts() literals {
	var found literals
	for column, value := range a.caller.canaries.Tenant(a.victim) {
		n := catalog.Normalize(column)
		if n != "" && (a.nameHas(n) || n == "slug" && a.name == "tenant") {
			found.add(value)
		}
	}
	if len(found) > 0 {
		return found
	}
	found.addText("%")
	named, others := a.contents()
	contents := slices.Concat(named, others)
	found.addText(contents[:min(len(contents), maxTexts)]...)
	found.addText("' OR true --", "", "x")
	return found
}

// contents are texts of the victim's rows and their longest words: those in columns of the
// argument's name, and others.
func (a argument) contents() (named, others []string) {
	for _, t := range a.tables() {
		row := a.row(t)
		for _, c := range t.Columns {
			value := row[c.Name]
			if value == nil || c.Category != catalog.String || len(*value) > maxTextLength {
				continue
			}
			texts := []string{*value}
			words := strings.FieldsFunc(*value,
				func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
			if len(words) > 1 {
				texts = append(texts, slices.MaxFunc(words,
					func(a, b string) int { return cmp.Compare(len(a), len(b)) }))
			}
			n := catalog.Normalize(c.Name)
			if a.nameHas(n) || a.name != "" && strings.Contains(n, a.name) {
				named = append(named, texts...)
			} else {
				others = append(others, texts...)
			}
		}
	}
	return named, others
}
