package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// Names reports whether any of the words stands in a source as a whole word.
func Names(source string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return containsWord(source, word) })
}

// containsWord is a search for a word between word boundaries. Sources are many and words are
// too, so it does without a regular expression.
func containsWord(source, word string) bool {
	if word == "" {
		return false
	}
	for at := 0; ; {
		i := strings.Index(source[at:], word)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(word)
		if boundary(source, start) && boundary(source, end) {
			return true
		}
		at = start + 1
	}
}

// boundary reports whether exactly one of the bytes around a position is a word's.
func boundary(s string, at int) bool {
	left := at > 0 && isWordByte(s[at-1])
	right := at < len(s) && isWordByte(s[at])
	return left != right
}

func isWordByte(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// NamedVia returns a relation's name and those of all functions whose sources name it, directly
// or through another function.
func (c *Catalog) NamedVia(t *Relation) []string {
	names := []string{t.Name}
	for grown := true; grown; {
		grown = false
		for _, f := range c.Functions {
			if !slices.Contains(names, f.Name) && Names(f.Source, names...) {
				names, grown = append(names, f.Name), true
			}
		}
	}
	return names
}

// AnySourceNames reports whether a policy or a function names a word.
func (c *Catalog) AnySourceNames(word string) bool {
	return slices.ContainsFunc(c.Functions, func(f *Function) bool { return Names(f.Source, word) }) ||
		slices.ContainsFunc(c.Relations, func(t *Relation) bool { return t.PolicyNames(word) })
}

// Names reports whether the function's source names a relation, in any letter case.
func (f *Function) Names(t *Relation) bool {
	return containsWord(strings.ToLower(f.Source), strings.ToLower(t.Name))
}

var (
	// beforeRelation matches the keywords after which a relation's name follows.
	beforeRelation = regexp.MustCompile(`(?i)\b(?:from|join|into|update|only|table)\s+`)
	// unqualified matches a name at the start that no schema qualifies.
	unqualified = regexp.MustCompile(`^(?:"([^"]+)"|((?:[\w$]|[^\x00-\x7f])+))(?:\s*$|[^.\w])`)
)

// UnqualifiedRelations returns the relations that the function's source names without a schema,
// one for each name. Partitions are left out.
func (f *Function) UnqualifiedRelations(c *Catalog) []*Relation {
	var names []string
	for _, at := range beforeRelation.FindAllStringIndex(f.Source, -1) {
		if match := unqualified.FindStringSubmatch(f.Source[at[1]:]); match != nil {
			names = append(names, match[1]+match[2])
		}
	}
	var found []*Relation
	for _, t := range c.Relations {
		known := slices.ContainsFunc(found, func(f *Relation) bool { return f.Name == t.Name })
		if !t.Partition && !known && slices.ContainsFunc(names,
			func(name string) bool { return strings.EqualFold(name, t.Name) }) {
			found = append(found, t)
		}
	}
	return found
}
