package catalog

import (
	"regexp"
	"slices"
)

// naming lists a relation's name and those of all functions that name it, directly or by another.
func (c *Catalog) Naming(t *Relation) []string {
	names := []string{t.Name}
	for grown := true; grown; {
		grown = false
		for _, f := range c.Functions {
			if !slices.Contains(names, f.Name) && Mentions(f.Source, names) {
				names, grown = append(names, f.Name), true
			}
		}
	}
	return names
}

// asksFor reports whether a policy or a function names a column.
func (c *Catalog) AsksFor(name string) bool {
	names := []string{name}
	return slices.ContainsFunc(c.Functions, func(f *Function) bool { return Mentions(f.Source, names) }) ||
		slices.ContainsFunc(c.Relations, func(t *Relation) bool {
			return slices.ContainsFunc(t.Policies, func(p Policy) bool { return Mentions(p.Using+" "+p.Check, names) })
		})
}

// mentions reports whether any of the names stands in the source as a word.
func Mentions(source string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(source)
	})
}
