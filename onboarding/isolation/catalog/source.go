package catalog

import (
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/sqltree"
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
			if !slices.Contains(names, f.Name) && Names(f.Text(), names...) {
				names, grown = append(names, f.Name), true
			}
		}
	}
	return names
}

// AnySourceNames reports whether a policy or a function names a word.
func (c *Catalog) AnySourceNames(word string) bool {
	return slices.ContainsFunc(c.Functions, func(f *Function) bool { return Names(f.Text(), word) }) ||
		slices.ContainsFunc(c.Relations, func(t *Relation) bool { return t.PolicyNames(word) })
}

// AnySourceMentions reports whether a policy, a view or a function contains one of the words, as a
// name or otherwise.
func (c *Catalog) AnySourceMentions(words ...string) bool {
	has := func(text string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
	}
	return slices.ContainsFunc(c.Functions, func(f *Function) bool { return has(f.Definition) }) ||
		slices.ContainsFunc(c.Relations, func(t *Relation) bool {
			return has(t.Definition) || slices.ContainsFunc(t.Policies, func(p Policy) bool {
				return has(p.Using) || has(p.Check)
			})
		})
}

// Names reports whether the function's source names a relation, in any letter case.
func (f *Function) Names(t *Relation) bool {
	return containsWord(strings.ToLower(f.Text()), strings.ToLower(t.Name))
}

// mayName is [Function.Names], but also true for names that cannot be searched for: those with
// characters that are not a word's, and every name in a source that spells names with escapes.
func (f *Function) mayName(t *Relation) bool {
	for i := range len(t.Name) {
		if !isWordByte(t.Name[i]) {
			return true
		}
	}
	return f.Names(t) || f.Mentions(`u&"`)
}

// UnqualifiedRelations returns the relations that the function's source names without a schema,
// one for each name. Partitions are left out. A source that names none of the catalog's is not parsed.
func (f *Function) UnqualifiedRelations(c *Catalog) ([]*Relation, error) {
	if !slices.ContainsFunc(c.Relations, f.mayName) {
		return nil, nil
	}
	body, err := f.Body()
	if err != nil || body == nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, statement := range body.Statements {
		sqltree.Walk(statement, func(n sqltree.Node) bool {
			if n.Kind == "RangeVar" && n.Text("schemaname") == "" {
				named[n.Text("relname")] = true
			}
			return true
		})
	}
	var found []*Relation
	for _, t := range c.Relations {
		if named[t.Name] && !t.Partition {
			found = append(found, t)
			delete(named, t.Name)
		}
	}
	return found, nil
}
