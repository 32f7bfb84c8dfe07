package taint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// Origin is a part of the value of a setting.
type Origin struct {
	Setting string
	path    []step
}

// step leads from a value to a part of it.
type step struct {
	kind stepKind
	text string // the key, the separator, or what stands before the part
	more string // what stands after the part
	n    int    // of the field, from 1
}

type stepKind int

const (
	member  stepKind = iota // of a JSON object, by key
	element                 // any of a JSON array
	array                   // any of an array
	field                   // of a text that separators divide
	affix                   // what stands between two texts
)

// then returns the origin of a part.
func (o Origin) then(s step) Origin {
	return Origin{o.Setting, append(slices.Clone(o.path), s)}
}

// maxFields bounds the number of a field that is made.
const maxFields = 20

// numbered returns the origin of a part by its number: a field where the origin is those of a
// text, or else an element.
func (o Origin) numbered(n int) Origin {
	last := len(o.path) - 1
	if last < 0 || o.path[last].kind != field || o.path[last].n != 1 || n < 1 || n > maxFields {
		return o.then(step{kind: element})
	}
	split := o.path[last]
	split.n = n
	return Origin{o.Setting, append(slices.Clone(o.path[:last]), split)}
}

// key identifies the part within its setting.
func (o Origin) key() string { return fmt.Sprint(o.path) }

// isDocument reports whether the setting holds JSON.
func (o Origin) isDocument() bool {
	return slices.ContainsFunc(o.path, func(s step) bool { return s.kind == member || s.kind == element })
}

// fill puts what several parts of one setting are to be together into the setting's value. It
// returns false where they do not go together.
func fill(parts []*Slot, choices map[*Slot]string) (string, bool) {
	var document any
	text, isText := "", false
	for _, slot := range parts {
		value := choices[slot]
		if slot.origin.isDocument() || slot.Document {
			merged, ok := merge(document, build(slot.origin.path, value, slot.Document))
			if !ok {
				return "", false
			}
			document = merged
			continue
		}
		wrapped, ok := wrap(slot.origin.path, value), true
		if isText {
			wrapped, ok = joinFields(text, wrapped, slot.origin.path)
		}
		if !ok {
			return "", false
		}
		text, isText = wrapped, true
	}
	if document == nil {
		return text, isText
	}
	if list, ok := document.(textual); ok {
		return string(list), true
	}
	encoded, err := json.Marshal(document)
	return string(encoded), err == nil
}

// anyField stands in a field of which nothing is asked.
const anyField = "x"

// joinFields is a text with the fields of both, which the path's first separator divides. It
// returns false where they do not go together.
func joinFields(a, b string, path []step) (string, bool) {
	if a == b {
		return a, true
	}
	if len(path) == 0 || path[0].kind != field || path[0].text == "" {
		return "", false
	}
	separator := path[0].text
	fields, others := strings.Split(a, separator), strings.Split(b, separator)
	if len(fields) < len(others) {
		fields, others = others, fields
	}
	for i, other := range others {
		switch {
		case fields[i] == anyField:
			fields[i] = other
		case other != anyField && other != fields[i]:
			return "", false
		}
	}
	return strings.Join(fields, separator), true
}

// textual is a value that is no JSON at the outermost level.
type textual string

// build makes the document that holds a value at the end of a path.
func build(path []step, value string, raw bool) any {
	for i, s := range path {
		rest := path[i+1:]
		switch s.kind {
		case member:
			return map[string]any{s.text: build(rest, value, raw)}
		case element:
			return []any{build(rest, value, raw)}
		default:
			// What follows is part of a text.
			return wrap(path[i:], value)
		}
	}
	if raw || isScalar(value) {
		return json.RawMessage(value)
	}
	return value
}

// isScalar reports whether a text is a JSON number or boolean, which reads the same as text, or a
// JSON string.
func isScalar(value string) bool {
	_, err := strconv.ParseFloat(value, 64)
	return json.Valid([]byte(value)) && (err == nil || value == "true" || value == "false" || value[0] == '"')
}

// wrap makes the text that holds a value at the end of a path without JSON.
func wrap(path []step, value string) string {
	for _, s := range slices.Backward(path) {
		switch s.kind {
		case array:
			value = query.ArrayText([]string{value})
		case field:
			value = strings.Repeat(anyField+s.text, s.n-1) + value
		case affix:
			value = strings.TrimSuffix(strings.TrimPrefix(value, s.text), s.more)
		}
	}
	return value
}

// merge merges two documents: it joins objects, and arrays by [mergeElement]. Other values have to
// be alike.
func merge(a, b any) (any, bool) {
	if a == nil {
		return b, true
	}
	if raw, ok := a.(json.RawMessage); ok {
		a = decoded(raw)
	}
	if raw, ok := b.(json.RawMessage); ok {
		b = decoded(raw)
	}
	left, leftOK := a.(map[string]any)
	right, rightOK := b.(map[string]any)
	if leftOK && rightOK {
		return mergeObjects(left, right)
	}
	one, oneOK := a.([]any)
	two, twoOK := b.([]any)
	if oneOK && twoOK {
		for _, element := range two {
			one = mergeElement(one, element)
		}
		return one, true
	}
	return a, fmt.Sprint(a) == fmt.Sprint(b)
}

func mergeObjects(left, right map[string]any) (any, bool) {
	left = maps.Clone(left)
	for key, value := range right {
		merged, ok := merge(left[key], value)
		if !ok {
			return nil, false
		}
		left[key] = merged
	}
	return left, true
}

// mergeElement adds an element to an array, or merges it into the first element that it goes with:
// what conditions ask of several members, they may ask of one and the same element.
func mergeElement(array []any, element any) []any {
	for i, known := range array {
		if merged, ok := merge(known, element); ok {
			array = slices.Clone(array)
			array[i] = merged
			return array
		}
	}
	return append(slices.Clone(array), element)
}

func decoded(raw json.RawMessage) any {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return string(raw)
	}
	return value
}
