package sqltree

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// token is a token of a source, in lower case except for what is quoted. start and end are bytes.
type token struct {
	text       string
	start, end int
}

// name returns the name that a token is, as [Routine.Assigned] has it.
func (t token) name() string { return strings.ToLower(strings.Trim(t.text, `"`)) }

// The fields of ScanResult and ScanToken in libpg_query's pg_query.proto.
const (
	resultTokens = 2
	tokenStart   = 1
	tokenEnd     = 2
)

// scan returns the tokens of a source without its comments.
func scan(source string) ([]token, error) {
	if len(source) > maxSource {
		return nil, errTooLong
	}
	encoded, err := scanSQL.call(source)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	var tokens []token
	err = eachField([]byte(encoded), func(field protowire.Number, _ uint64, message []byte) error {
		if field != resultTokens {
			return nil
		}
		t := token{}
		err := eachField(message, func(field protowire.Number, value uint64, _ []byte) error {
			switch field {
			case tokenStart:
				t.start = int(value)
			case tokenEnd:
				t.end = int(value)
			}
			return nil
		})
		if err != nil || t.start < 0 || t.end < t.start || t.end > len(source) {
			return cmp.Or(err, errMemory)
		}
		t.text = source[t.start:t.end]
		if strings.HasPrefix(t.text, "--") || strings.HasPrefix(t.text, "/*") {
			return nil
		}
		if !strings.HasPrefix(t.text, `"`) {
			t.text = strings.ToLower(t.text)
		}
		tokens = append(tokens, t)
		return nil
	})
	return tokens, err
}

// eachField calls visit for each field of a message: a number, or the bytes of a message within
// it.
func eachField(message []byte, visit func(field protowire.Number, value uint64, within []byte) error) error {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		var value uint64
		var within []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			within, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		message = message[n:]
		if err := visit(field, value, within); err != nil {
			return err
		}
	}
	return nil
}

// declaration is the declaration of a variable of PL/pgSQL.
type declaration struct {
	name     string
	aliasOf  string // another variable's name
	typeFrom int    // where the name of the type begins and ends
	typeTo   int
	initial  string // the expression of its first value
}

// declarations returns those of all blocks of a source.
func declarations(tokens []token, source string) []declaration {
	var found []declaration
	inside := false
	for len(tokens) > 0 {
		switch first := tokens[0].text; {
		case first == "declare" || inside && first == "begin":
			inside, tokens = first == "declare", tokens[1:]
			continue
		case !inside:
			tokens = tokens[1:]
			continue
		}
		end := slices.IndexFunc(tokens, func(t token) bool { return t.text == ";" })
		if end < 0 {
			break
		}
		if d, ok := declared(tokens[:end], source); ok {
			found = append(found, d)
		}
		tokens = tokens[end+1:]
	}
	return found
}

// declared reads a declaration as read_datatype of PL/pgSQL's pl_gram.y does. It is false for a
// cursor.
func declared(tokens []token, source string) (declaration, bool) {
	if len(tokens) > 1 && tokens[1].text == "constant" {
		tokens = slices.Delete(slices.Clone(tokens), 1, 2)
	}
	if len(tokens) < 2 {
		return declaration{}, false
	}
	d := declaration{name: tokens[0].name()}
	switch last := tokens[len(tokens)-1]; tokens[1].text {
	case "alias":
		d.aliasOf = last.name()
		return d, true
	case "cursor", "scroll", "no":
		return d, false
	default:
		d.typeFrom, d.typeTo = tokens[1].start, last.end
	}
	for i, t := range tokens[2:] {
		switch t.text {
		case "collate", "not":
			d.typeTo = min(d.typeTo, tokens[i+1].end)
		case ":=", "=", "default":
			d.typeTo = min(d.typeTo, tokens[i+1].end)
			d.initial = source[t.end:tokens[len(tokens)-1].end]
			return d, true
		}
	}
	return d, true
}

// edit replaces a part of a text.
type edit struct {
	from, to int
	text     string
}

// asRecords returns the definition of a PL/pgSQL routine with variables of a composite type
// declared as such. The parser knows no catalog and takes them for scalars, which have no fields:
// a variable is of a composite type if a dot follows its name.
func asRecords(definition, source string, tokens []token, variables []declaration) string {
	composite := map[string]bool{}
	for i, t := range tokens[:max(0, len(tokens)-1)] {
		if tokens[i+1].text == "." {
			composite[t.name()] = true
		}
	}
	for _, v := range variables {
		if v.aliasOf != "" && composite[v.name] {
			composite[v.aliasOf] = true
		}
	}
	var edits []edit
	body := strings.LastIndex(definition, source)
	for _, v := range variables {
		if v.aliasOf == "" && composite[v.name] {
			edits = append(edits, edit{body + v.typeFrom, body + v.typeTo, "record"})
		}
	}
	statements, err := Statements(definition)
	if err != nil || len(statements) == 0 || body < 0 {
		return definition
	}
	for i, parameter := range statements[0].List("parameters") {
		declared := parameter.Node("argType")
		// A type of a schema other than pg_catalog is a composite one to the parser.
		if at := declared.Number("location"); len(declared.Names("names")) == 1 && at > 0 && at < body &&
			(composite[strings.ToLower(parameter.Text("name"))] || composite[fmt.Sprintf("$%d", i+1)]) {
			edits = append(edits, edit{at, at, "public."})
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return b.from - a.from })
	for _, e := range edits {
		definition = definition[:e.from] + e.text + definition[e.to:]
	}
	return definition
}
