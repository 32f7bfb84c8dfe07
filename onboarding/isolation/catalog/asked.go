package catalog

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
)

// Asked is what policies or other code ask: their source, with those of the functions and views
// that it names, in lower case, and the tables that it names.
type Asked struct {
	Source string
	Tables []*Relation
}

// AskedBy returns what the policies of a relation for a command query. The relation itself is
// among the tables only if a function or a view names it: policies name their own columns by it.
func (c *Catalog) AskedBy(t *Relation, command Command) Asked {
	return c.asked(t.policiesFor(command), t)
}

// AskedByWrite is [Catalog.AskedBy] for what triggers ask, too, and for what a view does.
func (c *Catalog) AskedByWrite(t *Relation, command Command) Asked {
	own := t.policiesFor(command) + t.Definition
	for _, code := range t.Code {
		if code.Events&eventOf[command] != 0 && strings.HasPrefix(code.Name, "trigger ") {
			own += "\n" + code.Text
		}
	}
	return c.asked(own, t)
}

// AskedIn returns what a source asks, such as that of a function or of a view.
func (c *Catalog) AskedIn(source string) Asked { return c.asked(source, nil) }

var eventOf = map[Command]Event{ForInsert: OnInsert, ForUpdate: OnUpdate, ForDelete: OnDelete}

func (r *Relation) policiesFor(command Command) string {
	var source strings.Builder
	for _, p := range r.Policies {
		if p.Command == ForAll || p.Command == command {
			source.WriteString(p.Using + " " + p.Check + "\n")
		}
	}
	return source.String()
}

// asked returns what some source asks. Of its own table, if it has one, it names the columns.
func (c *Catalog) asked(own string, t *Relation) Asked {
	own = strings.ToLower(own)
	source, through := own, ""
	seen := map[any]bool{}
	for grown := source != ""; grown; {
		grown = false
		follow := func(what any, name, text string) {
			if !seen[what] && containsWord(source, strings.ToLower(name)) {
				through += strings.ToLower(text) + "\n"
				source, seen[what], grown = own+through, true, true
			}
		}
		for _, f := range c.Functions {
			follow(f, f.Name, f.Text())
		}
		for _, r := range c.Relations {
			if r.IsView() {
				follow(r, r.Name, r.Definition)
			}
		}
	}
	asked := Asked{Source: source}
	for _, r := range c.Relations {
		in := source
		if r == t {
			in = through
		}
		if r.IsTable() && containsWord(in, strings.ToLower(r.Name)) {
			asked.Tables = append(asked.Tables, r)
		}
	}
	return asked
}

// Names reports whether the source names a column.
func (a Asked) Names(column string) bool { return containsWord(a.Source, strings.ToLower(column)) }

// Constant reports whether a word stands in the source as a constant.
func (a Asked) Constant(word string) bool {
	return word != "" && strings.Contains(a.Source, "'"+strings.ToLower(word)+"'")
}

// Constants counts the words that stand in the source as constants.
func (a Asked) Constants(words []*string) int {
	n := 0
	for _, word := range words {
		if word != nil && a.Constant(*word) {
			n++
		}
	}
	return n
}

// AskedAfter are the columns that policies ask after an INSERT or UPDATE, with the constants that
// they compare each with. Where an UPDATE's USING is asked again, the row may stay as it is.
func (r *Relation) AskedAfter(command Command) map[string][]string {
	found := map[string][]string{}
	for _, p := range r.Policies {
		source := p.Check
		if command == ForInsert && source == "" {
			source = p.Using
		}
		if p.Command != ForAll && p.Command != command || command == ForUpdate && p.Check == p.Using {
			continue
		}
		check, err := sqltree.Expression(source)
		if source == "" || err != nil {
			continue
		}
		sqltree.Walk(check, func(n sqltree.Node) bool {
			if names := n.Names("fields"); n.Kind == "ColumnRef" && len(names) > 0 {
				if name := names[len(names)-1]; found[name] == nil {
					found[name] = []string{}
				}
			}
			if n.Kind != "A_Expr" || n.Name("name") != "=" {
				return true
			}
			var columns []string
			sqltree.Walk(n.Node("lexpr"), func(n sqltree.Node) bool {
				if names := n.Names("fields"); n.Kind == "ColumnRef" && len(names) > 0 {
					columns = append(columns, names[len(names)-1])
				}
				return true
			})
			sqltree.Walk(n.Node("rexpr"), func(n sqltree.Node) bool {
				text, ok := n.Constant()
				for _, name := range columns {
					if ok && !slices.Contains(found[name], text) {
						found[name] = append(found[name], text)
					}
				}
				return true
			})
			return true
		})
	}
	return found
}
