// Package claims fills in the identity of a session in the settings that carry it, such as the claims
// of a token as PostgREST and Supabase pass them on.
package claims

import (
	"encoding/json"
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
