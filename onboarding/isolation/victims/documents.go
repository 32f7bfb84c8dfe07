package victims

import (
	"encoding/json"
	"fmt"
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
		document := Values{}
		for name, value := range row {
			document[name] = value
		}
		for _, key := range a.keys() {
			if _, known := document[key]; !known && len(t.Key) == 1 && catalog.RefersTo(key, t.Name) {
				document[key] = row[t.Key[0]]
			}
		}
		unknown = slices.DeleteFunc(unknown, func(key string) bool { return document[key] != nil })
		for _, shaped := range a.shaped(document) {
			if text, err := json.Marshal(shaped); err == nil {
				found.addText(string(text))
			}
		}
		count++
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

// shaped are a document in the shapes that the function may read: as a list, and in lists at its keys,
// where it takes lists apart, and as it is.
func (a argument) shaped(document Values) []any {
	if !a.function.Mentions("json_array_elements", "jsonb_array_elements", "_to_recordset", "_populate_recordset",
		"json_each", "jsonb_each") {
		return []any{document}
	}
	list := []Values{document}
	within := map[string]any{}
	for name, value := range document {
		within[name] = value
	}
	for _, key := range a.keys() {
		if _, known := document[key]; !known {
			within[key] = list
		}
	}
	if len(within) == len(document) {
		return []any{list, document}
	}
	return []any{list, within}
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

// composites are the victim's rows of the table whose type it is, else rows with what the fields
// have in common with those of the victim.
func (a argument) composites() []string {
	for _, t := range a.caller.model.Catalog.Relations {
		row := a.row(t)
		if row == nil || a.cast != t.Name && a.cast != t.String() && a.cast != t.SQL() {
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
