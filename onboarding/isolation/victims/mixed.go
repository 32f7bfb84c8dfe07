package victims

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/session"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxMixedLists bounds the lists of [Caller.MixedLists] in which one argument is of a victim,
	// and maxForeign how many values of the victim's each argument is given in them.
	maxMixedLists, maxForeign = 9, 3
	// maxBoth bounds those in which an argument is a list of both's, and maxShared how many of
	// these each argument is given in either order.
	maxBoth, maxShared = 18, 6
)

// maxLiterals bounds how many constants of a function one argument is given.
const maxLiterals = 4

// ownTenant is whom an attacker's own arguments are of: a Person, and an Org that they act in.
type ownTenant struct {
	person string
	org    *string
	rows   map[*catalog.Relation]Values
}

// MixedLists returns ways to call a function in which one argument is of a victim and all others
// are of the attacker, or in which one argument is a list of both's. A function may check that one
// of its arguments, or one element of a list, is the caller's, and believe another.
func (c *Caller) MixedLists(
	ctx context.Context, f *catalog.Function, v tenancy.Tenant, s session.Session,
) ([]string, error) {
	if s.Identity.Person == nil || len(f.ArgTypes) == 0 {
		return nil, nil
	}
	own, err := c.ownOf(ctx, s)
	if err != nil {
		return nil, err
	}
	mine := c.ownArguments(f, v, own)
	var one, both []string
	for i, a := range c.arguments(f, v) {
		foreign := valuesOf(a)
		for _, value := range foreign[:min(maxForeign, len(foreign))] {
			if len(mine.values) > 1 && value != mine.values[i] {
				one = append(one, mine.with(i, value)...)
			}
		}
		for _, last := range []bool{false, true} {
			a.beside = &beside{own, last}
			lists := slices.DeleteFunc(valuesOf(a), func(value string) bool { return slices.Contains(foreign, value) })
			for _, value := range lists[:min(maxShared, len(lists))] {
				both = append(both, mine.with(i, value)...)
			}
		}
	}
	return slices.Concat(one[:min(maxMixedLists, len(one))], both[:min(maxBoth, len(both))]), nil
}

// beside is whose element stands before or after the victim's in a list: the attacker's own.
type beside struct {
	own  *ownTenant
	last bool
}

// row is the own row in a table, or nil. There is none beside nobody.
func (b *beside) row(t *catalog.Relation) Values {
	if b == nil {
		return nil
	}
	return b.own.rows[t]
}

// tenant is the own id, of a Person or of an Org as the other tenant is, or nil.
func (b *beside) tenant(other tenancy.Tenant) *string {
	switch {
	case b == nil:
		return nil
	case other.IsOrg():
		return b.own.org
	}
	return &b.own.person
}

// elements are those of a list: a value and, unless it is nil, the attacker's own.
func elements[T any](b *beside, own *T, value T) []T {
	switch {
	case own == nil:
		return []T{value}
	case b.last:
		return []T{value, *own}
	}
	return []T{*own, value}
}

// ownArguments are arguments of a function that are all the attacker's own.
type ownArguments struct {
	function *catalog.Function
	values   []string
}

func (c *Caller) ownArguments(f *catalog.Function, v tenancy.Tenant, own *ownTenant) ownArguments {
	mine := ownArguments{f, make([]string, len(f.ArgTypes))}
	for i, a := range c.arguments(f, v) {
		a.own = own
		used := a.used()
		if a.preset != "" && len(used) == 0 {
			mine.values[i] = a.preset
			continue
		}
		mine.values[i] = slices.Concat(used, own.id(a), a.candidates())[0] + "::" + a.cast
	}
	return mine
}

// with are the ways to call the function with another value as one of the arguments.
func (mine ownArguments) with(i int, value string) []string {
	values := make([][]string, len(mine.values))
	for j := range values {
		values[j] = mine.values[j : j+1]
	}
	values[i] = []string{value}
	return combined(mine.function, values, 1)
}

// WithText returns ways to call a function with arguments of a Person's own, in each of which one
// argument, or what a document holds at the keys that the function reads, is a given text.
func (c *Caller) WithText(ctx context.Context, f *catalog.Function, s session.Session, text string) ([]string, error) {
	if s.Identity.Person == nil {
		return nil, nil
	}
	me := tenancy.Tenant{Kind: tenancy.Person, ID: *s.Identity.Person}
	own, err := c.ownOf(ctx, s)
	if err != nil {
		return nil, err
	}
	mine := c.ownArguments(f, me, own)
	var lists []string
	for i, a := range c.arguments(f, me) {
		said := query.Literal(text)
		if strings.HasPrefix(a.typ, "json") {
			document := map[string]string{}
			for _, key := range a.keys() {
				document[key] = text
			}
			encoded, err := json.Marshal(document)
			if err != nil {
				return nil, err
			}
			said = query.Literal(string(encoded))
		} else if !a.isText() {
			continue
		}
		lists = append(lists, mine.with(i, said+"::"+a.cast)...)
	}
	return lists, nil
}

// ownOf returns whom a session's own arguments are of.
func (c *Caller) ownOf(ctx context.Context, s session.Session) (*ownTenant, error) {
	person := *s.Identity.Person
	if known := c.own[person]; known != nil {
		return known, nil
	}
	own := &ownTenant{person: person, rows: map[*catalog.Relation]Values{}}
	tenants := []tenancy.Tenant{{Kind: tenancy.Person, ID: person}}
	if len(s.Identity.Orgs) > 0 {
		own.org = &s.Identity.Orgs[0]
		tenants = slices.Insert(tenants, 0, tenancy.Tenant{Kind: tenancy.Org, ID: *own.org})
	}
	for _, tenant := range tenants {
		rows, err := c.canaries.read(ctx, tenant)
		if err != nil {
			return nil, err
		}
		for t, row := range rows {
			if own.rows[t] == nil {
				own.rows[t] = row
			}
		}
	}
	c.own[person] = own
	return own, nil
}

// read reads what a tenant may know of a row of theirs in each table.
func (c *Canaries) read(ctx context.Context, v tenancy.Tenant) (map[*catalog.Relation]Values, error) {
	found := map[*catalog.Relation]Values{}
	for _, t := range c.model.Catalog.Relations {
		if o := c.model.Of(t); !o.Owned() || !t.IsTable() {
			continue
		}
		rows, err := c.source.Matching(ctx, t, c.model.OwnedBy(t, v), 1)
		if query.Lost(err) != nil {
			return nil, err
		}
		if len(rows) > 0 {
			found[t] = c.known(t, rows[0].Values)
		}
	}
	return found, nil
}

// id is the attacker's own id, where the argument is named for one.
func (own *ownTenant) id(a argument) literals {
	var found literals
	m := a.caller.model
	if a.typ == m.Users.Type && a.nameHas("user", "person", "owner", "member") {
		found.addText(own.person)
	}
	if a.typ == m.Orgs.Type && a.nameHas("org", "tenant", "workspace") {
		found.add(own.org)
	}
	return found
}

// rowsOf are rows of the argument's tenant: the first, and those that something sets apart.
func rowsOf(a argument, t *catalog.Relation) []Values {
	rows := []Values{a.row(t)}
	if a.own == nil {
		rows = append(rows, a.caller.canaries.others[a.victim][t]...)
	}
	return rows
}

// argumentOf is an argument of a function, by number.
type argumentOf struct {
	function *catalog.Function
	number   int
}

// used is what a function makes of an argument.
type used struct {
	columns  []catalog.Use
	literals []string
}

func (c *Caller) usesOf(f *catalog.Function, i int) ([]catalog.Use, []string) {
	known, ok := c.uses[argumentOf{f, i}]
	if !ok {
		known.columns, known.literals = f.Uses(i)
		c.uses[argumentOf{f, i}] = known
	}
	return known.columns, known.literals
}

// used are the constants that the function compares the argument with, and what the tenant's rows
// hold in the columns that it compares it with or writes it into.
func (a argument) used() literals {
	array := strings.HasSuffix(a.typ, "[]")
	var found literals
	if a.isText() || a.kind == "e" {
		found.addText(a.literals[:min(maxLiterals, len(a.literals))]...)
	}
	for _, use := range a.uses {
		for _, t := range a.caller.model.Catalog.Relations {
			c := t.Column(use.Column)
			if t.Name != use.Relation || c == nil || c.Type != a.element().typ && !a.element().isText() {
				continue
			}
			for _, row := range rowsOf(a, t) {
				switch value := row[c.Name]; {
				case value == nil:
				case array:
					found.addText(query.ArrayText(elements(a.beside, a.beside.row(t)[c.Name], *value)))
				case a.isText() && a.function.Mentions("string_to_", "regexp_split_to_"):
					found.addText(strings.Join(elements(a.beside, a.beside.row(t)[c.Name], *value), ","))
				default:
					found.add(value)
				}
			}
		}
	}
	return found
}
