// Package claims fills in the identity of a session in the settings that carry it, such as the
// claims of a token as PostgREST and Supabase pass them on.
package claims

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The places of a template that an identity is filled in at.
const (
	User = "{user}"
	Org  = "{org}"
)

// Fill returns a template with the ids of a Person and of the Org that they act in. In a JSON
// document, a member whose id is empty is left out, as a token without the claim has it.
func Fill(template, user, org string) string {
	fill := strings.NewReplacer(User, user, Org, org).Replace
	var document any
	if json.Unmarshal([]byte(template), &document) != nil {
		return fill(template)
	}
	missing := func(text string) bool {
		return user == "" && strings.Contains(text, User) || org == "" && strings.Contains(text, Org)
	}
	filled, err := json.Marshal(fillIn(document, fill, missing))
	if err != nil {
		return fill(template)
	}
	return string(filled)
}

func fillIn(value any, fill func(string) string, missing func(string) bool) any {
	switch value := value.(type) {
	case string:
		return fill(value)
	case []any:
		list := []any{}
		for _, item := range value {
			if text, ok := item.(string); !ok || !missing(text) {
				list = append(list, fillIn(item, fill, missing))
			}
		}
		return list
	case map[string]any:
		for key, item := range value {
			if text, ok := item.(string); ok && missing(text) {
				delete(value, key)
				continue
			}
			value[key] = fillIn(item, fill, missing)
		}
	}
	return value
}

// Path returns the keys that lead to the member of a JSON template that holds a place alone, and
// whether there is one.
func Path(template, place string) ([]string, bool) {
	var document any
	if json.Unmarshal([]byte(template), &document) != nil {
		return nil, template == place
	}
	return find(document, place)
}

func find(value any, place string) ([]string, bool) {
	switch value := value.(type) {
	case string:
		return nil, value == place
	case map[string]any:
		keys := make([]string, 0, len(value))
		for key := range value {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		for _, key := range keys {
			if rest, ok := find(value[key], place); ok {
				return append([]string{key}, rest...), true
			}
		}
	}
	return nil, false
}

// IsObject reports whether a template is a JSON object.
func IsObject(template string) bool {
	var document map[string]any
	return json.Unmarshal([]byte(template), &document) == nil && document != nil
}

// CheckWritten returns why users cannot write a member of the templates' documents, or "".
func CheckWritten(templates map[string]string, member string) string {
	objects := 0
	for _, template := range templates {
		var document map[string]json.RawMessage
		if json.Unmarshal([]byte(template), &document) != nil {
			continue
		}
		objects++
		if text := string(document[member]); strings.Contains(text, User) || strings.Contains(text, Org) {
			return fmt.Sprintf("%q carries the identity in a template, so users must not write it", member)
		}
	}
	if objects == 0 {
		return "no template is a JSON object that could have such a member"
	}
	return ""
}

// Merge returns a JSON object with the members of another, which win. What is no object stays as
// it is.
func Merge(document, over string) string {
	var a, b map[string]any
	if json.Unmarshal([]byte(document), &a) != nil || json.Unmarshal([]byte(over), &b) != nil || a == nil {
		return document
	}
	merged, err := json.Marshal(merge(a, b))
	if err != nil {
		return document
	}
	return string(merged)
}

func merge(a, b map[string]any) map[string]any {
	for key, value := range b {
		left, isLeft := a[key].(map[string]any)
		right, isRight := value.(map[string]any)
		if isLeft && isRight {
			value = merge(left, right)
		}
		a[key] = value
	}
	return a
}
