package taint

import (
	"encoding/json"
	"slices"
	"strings"
)

// jsonPath notes what path expressions compare parts of documents with, and returns the parts.
// variables are JSON objects whose members the expressions name.
func (r *reader) jsonPath(document, path, variables value) value {
	var parts value
	for _, text := range path.texts {
		p := pathReader{reader: r, root: document, item: document, variables: variables, tokens: pathTokens(text)}
		parts = union(parts, p.read())
	}
	return value{origins: parts.origins}
}

// pathReader reads a path expression of SQL/JSON as far as accessors, filters and comparisons go:
// $.a.b[*] ? (@.c == "x" && @.d >= 2). (PostgreSQL manual, The SQL/JSON Path Language)
type pathReader struct {
	reader    *reader
	root      value
	variables value
	tokens    []string
	item      value // what @ is
	here      value // what the path so far leads to
	// left and operator are those of a comparison whose right side is being read.
	left     value
	operator string
}

// read reads to the end, or to the parenthesis that closes the expression, and returns what its
// last path leads to.
func (p *pathReader) read() value {
	for len(p.tokens) > 0 {
		switch t := p.next(); {
		case t == ")":
			p.compare()
			return p.here
		case t == "?" && p.peek() == "(":
			p.next()
			p.filter()
		case t == "(":
			p.here = p.within(p.item)
		case t == "&&" || t == "||":
			p.compare()
		case t == "$":
			p.here = p.root
		case t == "@":
			p.here = p.item
		case t == ".":
			p.accessor()
		case t == "flag" && len(p.tokens) > 0: // of like_regex
			p.next()
		case t == "[":
			p.tokens = p.tokens[slices.Index(p.tokens, "]")+1:]
			p.here = p.here.then(step{kind: element})
		case comparison(t) != "":
			p.left, p.operator, p.here = p.here, comparison(t), value{}
		default:
			p.operand(t)
		}
	}
	p.compare()
	return p.here
}

func (p *pathReader) next() string {
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *pathReader) peek() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

// filter reads a condition on what the path leads to, after which the path goes on from there.
func (p *pathReader) filter() {
	here := p.here
	p.reader.decide(p.within(here))
	p.here = here
}

// within reads what is in parentheses, where @ is an item.
func (p *pathReader) within(item value) value {
	inner := pathReader{reader: p.reader, root: p.root, item: item, variables: p.variables, tokens: p.tokens}
	found := inner.read()
	p.tokens = inner.tokens
	return value{origins: found.origins}
}

// accessor reads the member that follows a dot, or a method.
func (p *pathReader) accessor() {
	name := strings.Trim(p.peek(), `"`)
	if name == "" || name == "*" {
		return
	}
	p.next()
	if p.peek() != "(" {
		p.here = p.here.then(step{kind: member, text: name})
		return
	}
	p.next()
	p.within(p.item)
	switch name {
	case "size": // depends on the elements
		p.reader.decide(p.here.then(step{kind: element}))
		p.here = value{}
	case "type", "keyvalue":
		p.here = value{}
	}
}

// comparison is the operator of SQL that a token stands for, or "".
func comparison(token string) string {
	switch token {
	case "==":
		return "="
	case "<>", "!=", "<", ">", "<=", ">=":
		return token
	case "like_regex":
		return "~"
	case "starts":
		return "^@"
	}
	return ""
}

// operand reads a constant or a variable. Other words, such as with, strict or exists, change
// nothing.
func (p *pathReader) operand(token string) {
	// PostgreSQL quotes names when it shows a policy.
	name, isVariable := strings.CutPrefix(strings.ReplaceAll(token, `$"`, "$"), "$")
	if isVariable {
		p.here = value{texts: p.variable(strings.TrimSuffix(name, `"`))}
	} else if text, ok := constant(token); ok {
		p.here = value{texts: []string{text}}
	}
}

// constant is the text of a JSON value. A string that would read as another JSON value keeps its
// quotes.
func constant(token string) (text string, ok bool) {
	if json.Unmarshal([]byte(token), &text) == nil && token != "null" && !isScalar(text) {
		return text, true
	}
	return token, json.Valid([]byte(token))
}

// variable are the values of a variable.
func (p *pathReader) variable(name string) []string {
	var texts []string
	for _, document := range p.variables.texts {
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(document), &members) != nil || members[name] == nil {
			continue
		}
		if text, ok := constant(string(members[name])); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// compare notes the comparison whose right side was read, if there is one.
func (p *pathReader) compare() {
	if p.operator != "" {
		p.reader.compare(p.left, p.operator, p.here)
		p.here = value{}
	}
	p.operator = ""
}

// pathOperators are those of two characters.
var pathOperators = []string{"&&", "||", "==", "<>", "!=", "<=", ">="}

// pathTokens splits a path expression.
func pathTokens(path string) []string {
	var tokens []string
	cut := func(n int) {
		tokens, path = append(tokens, path[:n]), path[n:]
	}
	for path != "" {
		switch c := path[0]; {
		case strings.ContainsRune(" \t\r\n", rune(c)):
			path = path[1:]
		case c == '"':
			end := closingQuote(path)
			if end < 0 {
				return tokens
			}
			cut(end + 1)
		case len(path) > 1 && slices.Contains(pathOperators, path[:2]):
			cut(2)
		case c >= '0' && c <= '9', c == '-' && len(path) > 1 && path[1] >= '0' && path[1] <= '9':
			cut(span(path, func(c byte) bool { return isWord(c) || c == '.' }))
		case strings.HasPrefix(path, `$"`) && closingQuote(path[1:]) > 0:
			cut(closingQuote(path[1:]) + 2)
		case isWord(c), c == '$':
			cut(span(path, isWord))
		default:
			cut(1)
		}
	}
	return tokens
}

// span is how far a text goes on, after its first character, with characters for which a condition
// holds.
func span(text string, holds func(byte) bool) int {
	end := 1
	for end < len(text) && holds(text[end]) {
		end++
	}
	return end
}

// closingQuote is where the quoted string at the start of a text ends, or negative.
func closingQuote(text string) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
