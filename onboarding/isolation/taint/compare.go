package taint

import (
	"encoding/json"
	"regexp/syntax"
	"strconv"
	"strings"
)

// compare notes that two values are compared by an operator.
func (r *reader) compare(left value, operator string, right value) {
	r.compareWith(left, operator, right)
	r.compareWith(right, operator, left)
}

// compareWith notes what the parts of settings in a value are compared with, on either side of the
// operator.
func (r *reader) compareWith(v value, operator string, other value) {
	for _, o := range v.origins {
		document := false
		var literals []string
		for _, text := range other.texts {
			switch operator {
			case "@>", "<@", "@@", "@?":
				if json.Valid([]byte(text)) {
					document = true
					r.decisions.slot(o, true).add(text)
					continue
				}
				literals = append(literals, elements(text)...)
			case "?", "?|", "?&":
				for _, key := range elements(text) {
					r.decisions.at(o.then(step{kind: element}), false).add(key)
					r.decisions.at(o.then(step{kind: member, text: key}), false).add("true")
				}
				document = true
			case "~~", "~~*", "!~~", "!~~*":
				literals = append(literals, likeExample(text))
			case "~", "~*", "!~", "!~*":
				literals = append(literals, regexpExample(text)...)
			case "<", ">", "<=", ">=":
				literals = append(literals, near(text)...)
			default:
				literals = append(literals, text)
			}
		}
		if document && len(literals) == 0 {
			continue
		}
		slot := r.decisions.slot(o, false)
		slot.add(literals...)
		slot.Columns = append(slot.Columns, other.columns...)
	}
}

// near are a number and its neighbours, or the text itself.
func near(text string) []string {
	n, err := strconv.Atoi(text)
	if err != nil {
		return []string{text}
	}
	return []string{strconv.Itoa(n), strconv.Itoa(n + 1), strconv.Itoa(n - 1), "999999"}
}

// elements are those of an array's text, or the text itself.
func elements(text string) []string {
	inner, ok := strings.CutPrefix(text, "{")
	if !ok || !strings.HasSuffix(inner, "}") {
		return []string{text}
	}
	var found []string
	if inner == "}" {
		return nil
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(inner, "}"), ",") {
		found = append(found, strings.Trim(strings.TrimSpace(part), `"`))
	}
	return found
}

// likeExample is a text that a pattern of LIKE matches.
func likeExample(pattern string) string {
	return strings.NewReplacer(`\%`, "%", `\_`, "_", "%", "", "_", "x").Replace(pattern)
}

// regexpExample are texts that a regular expression matches, as far as Go's syntax is
// PostgreSQL's.
func regexpExample(pattern string) []string {
	tree, err := syntax.Parse(strings.TrimPrefix(pattern, "(?i)"), syntax.Perl)
	if err != nil {
		return []string{pattern}
	}
	var found []string
	for _, alternative := range alternatives(tree) {
		found = append(found, example(alternative))
	}
	return found
}

// alternatives are those of an expression at its outermost level.
func alternatives(tree *syntax.Regexp) []*syntax.Regexp {
	switch {
	case tree.Op == syntax.OpAlternate:
		return tree.Sub
	case tree.Op == syntax.OpCapture:
		return alternatives(tree.Sub[0])
	case tree.Op == syntax.OpConcat:
		for i, sub := range tree.Sub {
			inner := alternatives(sub)
			if len(inner) < 2 {
				continue
			}
			var all []*syntax.Regexp
			for _, choice := range inner {
				one := *tree
				one.Sub = append(append(append([]*syntax.Regexp{}, tree.Sub[:i]...), choice), tree.Sub[i+1:]...)
				all = append(all, &one)
			}
			return all
		}
	}
	return []*syntax.Regexp{tree}
}

func example(tree *syntax.Regexp) string {
	var text strings.Builder
	switch tree.Op {
	case syntax.OpLiteral:
		text.WriteString(string(tree.Rune))
	case syntax.OpCharClass:
		if len(tree.Rune) > 0 {
			text.WriteRune(tree.Rune[0])
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		text.WriteString("x")
	case syntax.OpConcat, syntax.OpCapture, syntax.OpPlus:
		for _, sub := range tree.Sub {
			text.WriteString(example(sub))
		}
	case syntax.OpAlternate:
		text.WriteString(example(tree.Sub[0]))
	case syntax.OpRepeat:
		for range min(tree.Min, 40) {
			text.WriteString(example(tree.Sub[0]))
		}
	}
	return text.String()
}
