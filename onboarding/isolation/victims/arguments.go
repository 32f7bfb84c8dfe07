package victims

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

const (
	// maxArgumentLists bounds how many ways one function is called against one victim, and
	// maxPresetLists how many more leave arguments at their defaults.
	maxArgumentLists, maxPresetLists = 12, 4
)

// Caller makes up arguments for calls of functions against victims.
type Caller struct {
	model    *tenancy.Model
	victims  *Victims
	canaries *Canaries
	reach    map[*catalog.Function]functionReach
	ownRows  []OwnRow
	own      map[string]*ownTenant // by Person
	uses     map[argumentOf]used
}

// functionReach are the tenants' relations that a function names, and the tables that it may
// read or write, some of them through a view.
type functionReach struct{ named, tables []*catalog.Relation }

// NewCaller returns a caller that knows rows of the victims.
func NewCaller(v *Victims, canaries *Canaries) *Caller {
	return &Caller{
		model: v.config.Model, victims: v, canaries: canaries, reach: map[*catalog.Function]functionReach{},
		own: map[string]*ownTenant{}, uses: map[argumentOf]used{},
	}
}

// Named returns the tenants' relations that a function names, without partitions.
func (c *Caller) Named(f *catalog.Function) []*catalog.Relation { return c.reachOf(f).named }

// Tables returns the tenants' tables that a function names, and those that views which it names
// read, or all of them if it names no relation.
func (c *Caller) Tables(f *catalog.Function) []*catalog.Relation { return c.reachOf(f).tables }

func (c *Caller) reachOf(f *catalog.Function) functionReach {
	if known, ok := c.reach[f]; ok {
		return known
	}
	var reach functionReach
	for _, t := range c.model.Catalog.Relations {
		if c.model.Of(t).Owned() && !t.Partition && f.Names(t) {
			reach.named = append(reach.named, t)
		}
	}
	read := slices.Clone(reach.named)
	for _, r := range reach.named {
		read = append(read, c.model.Catalog.TablesOf(r)...)
	}
	for _, t := range c.model.Catalog.Relations {
		named := len(read) == 0 || slices.Contains(read, t)
		if named && t.IsTable() && c.model.Of(t).Owned() {
			reach.tables = append(reach.tables, t)
		}
	}
	c.reach[f] = reach
	return reach
}

// Argument is one argument of a function, with the values that calls against a victim give it.
type Argument struct {
	// What names the argument and its type, for people.
	What string
	// Values are as a call spells them. There are none where the type leaves nothing but NULL.
	Values []string

	cast, preset string
}

// Arguments returns the arguments of calls of a function against a victim: ids of the tenant and
// of its rows where the type fits, in the order that the arguments' names suggest, and plain
// values elsewhere.
func (c *Caller) Arguments(f *catalog.Function, v tenancy.Tenant) []Argument {
	var found []Argument
	for i, a := range c.arguments(f, v) {
		called := fmt.Sprintf("argument %d", i+1)
		if i < len(f.ArgNames) && f.ArgNames[i] != "" {
			called = "argument " + f.ArgNames[i]
		}
		found = append(found, Argument{What: called + " of type " + f.ArgTypes[i], Values: valuesOf(a), cast: a.cast,
			preset: a.preset})
	}
	return found
}

// valuesOf are distinct values of an argument as a call spells them.
func valuesOf(a argument) []string {
	var values []string
	for _, value := range slices.Concat(a.ownValues(), a.used(), a.candidates()) {
		if spelt := value + "::" + a.cast; value != null && !slices.Contains(values, spelt) {
			values = append(values, spelt)
		}
	}
	return values
}

// ArgumentLists returns ways to call a function against a victim. The last of them leave the
// arguments that have defaults at these.
func (c *Caller) ArgumentLists(f *catalog.Function, v tenancy.Tenant) []string {
	arguments := c.Arguments(f, v)
	values, presets, anyPreset := make([][]string, len(arguments)), make([][]string, len(arguments)), false
	for i, a := range arguments {
		if values[i] = a.Values; len(a.Values) == 0 {
			values[i] = []string{null + "::" + a.cast}
		}
		if presets[i] = values[i]; a.preset != "" {
			presets[i], anyPreset = []string{a.preset}, true
		}
	}
	lists := combined(f, values, maxArgumentLists)
	if anyPreset {
		lists = append(lists, combined(f, presets, maxPresetLists)...)
	}
	return lists
}

// combined are argument lists that combine the values of all arguments, at most so many.
func combined(f *catalog.Function, values [][]string, most int) []string {
	lists := []string{""}
	for i := range values {
		var next []string
		for _, value := range values[i] {
			for _, list := range lists {
				if list != "" {
					list += ", "
				}
				if f.Variadic && i == len(f.ArgTypes)-1 {
					list += "VARIADIC "
				}
				next = append(next, list+value)
			}
		}
		lists = next[:min(len(next), most)]
	}
	return lists
}

func (c *Caller) arguments(f *catalog.Function, v tenancy.Tenant) []argument {
	arguments := make([]argument, len(f.ArgTypes))
	for i, argType := range f.ArgTypes {
		arguments[i] = argument{caller: c, function: f, typ: argType, cast: argType, victim: v}
		arguments[i].uses, arguments[i].literals = c.usesOf(f, i)
		if i < len(f.ArgBases) {
			arguments[i].typ, arguments[i].kind, arguments[i].label = f.ArgBases[i], f.ArgKinds[i], f.ArgLabels[i]
		}
		if i < len(f.Defaults) {
			arguments[i].preset = f.Defaults[i]
		}
		if concrete := c.concrete(argType); concrete != "" {
			arguments[i].typ, arguments[i].cast = concrete, concrete
		}
		if i < len(f.ArgNames) {
			name := catalog.Normalize(f.ArgNames[i])
			arguments[i].name = strings.TrimPrefix(strings.TrimPrefix(name, "p"), "in")
		}
	}
	return arguments
}

// concrete is a type to call a polymorphic argument with, or empty where the type is one already.
func (c *Caller) concrete(argType string) string {
	switch argType {
	case "anyelement", "anynonarray", "anycompatible", "anycompatiblenonarray", "\"any\"":
		return c.model.Users.Type
	case "anyarray", "anycompatiblearray":
		return c.model.Users.Type + "[]"
	case "anyrange", "anycompatiblerange":
		return "int4range"
	}
	return ""
}

var literalText = regexp.MustCompile(`'([^']{1,60})'`)

// Given returns the short literals of an argument list and the ids in all of them, which an answer
// may repeat.
func Given(arguments string) []string {
	given := anyUUID.FindAllString(arguments, -1)
	for _, match := range literalText.FindAllStringSubmatch(arguments, -1) {
		given = append(given, match[1])
	}
	return given
}

// IDs are a victim's id and the keys of rows of theirs.
func (c *Caller) IDs(v tenancy.Tenant) []string {
	ids := []string{v.ID}
	for _, t := range c.model.Catalog.Relations {
		if key, row := t.SingleKey(), c.canaries.Row(v, t); key != nil && row[key.Name] != nil {
			ids = append(ids, *row[key.Name])
		}
	}
	return ids
}

// Texts are a victim's ids and texts of rows of theirs.
func (c *Caller) Texts(v tenancy.Tenant) []string {
	texts := c.IDs(v)
	for _, t := range c.model.Catalog.Relations {
		for _, row := range append(c.canaries.others[v][t], c.canaries.Row(v, t)) {
			for _, column := range t.Columns {
				if value := row[column.Name]; value != nil && column.Category == catalog.String {
					texts = append(texts, *value)
				}
			}
		}
	}
	return texts
}

// Nobody returns an argument list with ids that nobody has in the place of some. It returns ""
// where the list names none of these.
func (c *Caller) Nobody(arguments string, ids []string) string {
	named := false
	changed := literalText.ReplaceAllStringFunc(arguments, func(literal string) string {
		id := strings.Trim(literal, "'")
		if !slices.Contains(ids, id) {
			return literal
		}
		named = true
		switch _, err := strconv.Atoi(id); {
		case err == nil:
			return query.Literal("2147483000")
		case tenancy.IsUUID(id):
			return query.Literal("ffffffff-ffff-4fff-bfff-ffffffffffff")
		}
		return query.Literal("no " + id)
	})
	if !named {
		return ""
	}
	return changed
}
