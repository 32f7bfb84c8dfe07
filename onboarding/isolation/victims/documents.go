package victims

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
)

// maxQueries bounds how many texts a function is asked for under one key of a document.
const maxQueries = 2

// documents are victims' rows as JSON, with the keys that the function reads beside those of the
// columns, and a text of theirs under each key that names none.
func (a argument) documents() literals {
	var found literals
	count, unknown := 0, a.keys()
	for _, t := range a.tables() {
		row := a.row(t)
		if row == nil || count == maxDocuments {
			continue
		}
		document := documentOf(a, t, row)
		unknown = slices.DeleteFunc(unknown, func(key string) bool { return document[key] != nil })
		if own := claimed(a, t, row); own != nil {
			if text, err := json.Marshal(own); err == nil {
				found.addText(string(text))
			}
		}
		for _, shaped := range a.shaped(t, document) {
			if text, err := json.Marshal(shaped); err == nil {
				found.addText(string(text))
			}
		}
		count++
	}
	for _, word := range a.literals[:min(maxLiterals, len(a.literals))] {
		document := map[string]string{}
		for _, key := range unknown {
			document[key] = word
		}
		if text, err := json.Marshal(document); err == nil && !slices.Contains(unknown, word) && len(unknown) > 0 {
			found.addText(string(text))
		}
	}
	named, others := a.contents()
	contents := slices.Concat(named, others)
	for _, key := range unknown[:min(len(unknown), maxDocuments)] {
		for _, content := range contents[:min(len(contents), maxQueries)] {
			if text, err := json.Marshal(map[string]string{key: content}); err == nil {
				found.addText(string(text))
			}
		}
	}
	return append(found, query.Literal("{}"))
}

// documentOf is a row, with its key under each name for it that the function reads.
func documentOf(a argument, t *catalog.Relation, row Values) Values {
	document := maps.Clone(row)
	for _, key := range a.keys() {
		if _, known := document[key]; !known && len(t.Key) == 1 && catalog.RefersTo(key, t.Name) {
			document[key] = row[t.Key[0]]
		}
	}
	if a.kind == "c" { // whose fields nothing names
		for name, value := range row {
			document[strings.TrimSuffix(name, "_id")] = value
		}
		if key := t.SingleKey(); key != nil {
			document[strings.TrimSuffix(t.Name, "s")+"_id"] = row[key.Name]
		}
	}
	return document
}

// claimed are the keys of a row that is said to be the attacker's, where values are to be of both,
// or nil.
func claimed(a argument, t *catalog.Relation, row Values) Values {
	if a.beside == nil {
		return nil
	}
	own := Values{}
	for name, value := range row {
		if slices.Contains(t.Key, name) || t.InForeignKey(name) {
			own[name] = value
		}
	}
	for _, name := range a.caller.model.Of(t).Persons {
		own[name] = &a.beside.own.person
	}
	for _, name := range a.caller.model.Of(t).Orgs {
		own[name] = a.beside.own.org
	}
	return documentOf(a, t, own)
}

// shaped are the shapes in which the function may read a document: where it takes lists apart, as
// a list, of rows or of their keys, and in such lists at the document's keys; and as it is. Shapes
// may be the same.
func (a argument) shaped(t *catalog.Relation, document Values) []any {
	var lists []any
	own := a.beside.row(t)
	if key := t.SingleKey(); key != nil && document[key.Name] != nil &&
		a.function.Mentions("_array_elements_text(", "#>>", "?") {
		lists = append(lists, elements(a.beside, own[key.Name], *document[key.Name]))
	}
	if a.function.Mentions("json_array_elements", "jsonb_array_elements", "_to_recordset", "_populate_recordset",
		"json_each", "jsonb_each") {
		var mine *Values
		if own != nil {
			mine = new(documentOf(a, t, own))
		}
		lists = append(lists, elements(a.beside, mine, document))
	}
	var found []any
	for _, list := range lists {
		within := map[string]any{}
		for name, value := range document {
			within[name] = value
		}
		for _, key := range a.keys() {
			if _, known := document[key]; !known {
				within[key] = list
			}
		}
		found = append(found, list, within)
	}
	return append(found, document)
}

// keys are those by which the function reads documents.
func (a argument) keys() []string {
	if !a.function.Mentions("->", "recordset", "_to_record(") {
		return nil
	}
	body, err := a.function.Body()
	if err != nil || body == nil {
		return nil
	}
	return body.Keys()
}

// compositeLists are lists of [argument.composites], beside the attacker's own where they are to
// be of both.
func compositeLists(a argument) literals {
	one := a
	one.cast, one.kind = strings.TrimSuffix(a.cast, "[]"), "c"
	var own *string
	if a.beside != nil {
		mine := one
		mine.own, mine.beside = a.beside.own, nil
		own = &mine.composites()[0]
	}
	var found literals
	for _, composite := range one.composites() {
		found = append(found, "ARRAY["+strings.Join(elements(a.beside, own, composite), ", ")+"]")
	}
	return found
}

// composites are the victim's rows of the table whose type it is, else rows with what the fields
// have in common with those of the victim.
func (a argument) composites() []string {
	for _, t := range a.caller.model.Catalog.Relations {
		row := a.row(t)
		if row == nil || !t.IsRowType(a.cast) {
			continue
		}
		values := make([]string, len(t.Columns))
		for i, c := range t.Columns {
			values[i] = c.Literal(row[c.Name])
		}
		return []string{"ROW(" + strings.Join(values, ", ") + ")"}
	}
	var found []string
	for _, document := range a.documents() {
		found = append(found, fmt.Sprintf("jsonb_populate_record(NULL::%s, %s)", a.cast, document))
	}
	return found
}
