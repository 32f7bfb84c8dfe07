package workspace

import (
	"encoding/json"
	"slices"
	"strings"
)

// spot is one element inside blocks, with the block that it belongs to.
type spot struct {
	block, element map[string]any
	// typ and id are the element's, blockID the block's.
	typ, id, blockID string
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }
func array(v any) []any           { a, _ := v.([]any); return a }
func word(v any) string           { s, _ := v.(string); return s }

var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// reads is the text of a text object as people see it: without entities.
func reads(v any) string { return entities.Replace(word(object(v)["text"])) }

// copied is a deep copy of a JSON value.
func copied[T any](v T) T {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("copying JSON: " + err.Error()) // Only what was decoded from JSON comes here.
	}
	var c T
	if err := json.Unmarshal(raw, &c); err != nil {
		panic("copying JSON: " + err.Error())
	}
	return c
}

// eachBlock calls f for every block, those inside containers and carousels too.
func eachBlock(blocks []any, f func(block map[string]any)) {
	for _, b := range blocks {
		m := object(b)
		f(m)
		switch m["type"] {
		case "container":
			eachBlock(array(m["child_blocks"]), f)
		case "carousel":
			eachBlock(array(m["elements"]), f)
		}
	}
}

// elementsOf returns the interactive elements of one block.
func elementsOf(b map[string]any) []map[string]any {
	var all []map[string]any
	add := func(v any) {
		if e := object(v); e != nil && e["type"] != "image" {
			all = append(all, e)
		}
	}
	switch b["type"] {
	case "section":
		add(b["accessory"])
	case "input":
		add(b["element"])
	case "actions", "context_actions":
		for _, e := range array(b["elements"]) {
			add(e)
		}
	case "card":
		for _, e := range array(b["actions"]) {
			add(e)
		}
	}
	return all
}

// spots lists the interactive elements in blocks.
func spots(blocks []any) []spot {
	var all []spot
	eachBlock(blocks, func(b map[string]any) {
		for _, e := range elementsOf(b) {
			all = append(
				all,
				spot{
					block:   b,
					element: e,
					typ:     word(e["type"]),
					id:      word(e["action_id"]),
					blockID: word(b["block_id"]),
				},
			)
		}
	})
	return all
}

// complete gives every block and element the id that Slack makes up where the app gave none. The
// caller holds mu.
func (ms *messages) complete(blocks []any) {
	eachBlock(blocks, func(b map[string]any) {
		if word(b["block_id"]) == "" || b["type"] == "markdown" {
			b["block_id"] = ms.w.id("b")
		}
		for _, e := range elementsOf(b) {
			if word(e["action_id"]) == "" {
				e["action_id"] = ms.w.id("a")
			}
		}
	})
}

// optionsOf returns the options that an element offers by itself.
func optionsOf(e map[string]any) []map[string]any {
	var all []map[string]any
	for _, o := range array(e["options"]) {
		all = append(all, object(o))
	}
	for _, g := range array(e["option_groups"]) {
		for _, o := range array(object(g)["options"]) {
			all = append(all, object(o))
		}
	}
	return all
}

// values holds what is entered, as values[block_id][action_id] = {type, …}.
type values map[string]map[string]map[string]any

// stateField names the field that holds an element's value in a state or an action
// (docs.slack.dev/reference/views).
var stateField = map[string]string{
	"plain_text_input":           "value",
	"email_text_input":           "value",
	"url_text_input":             "value",
	"number_input":               "value",
	"radio_buttons":              "selected_option",
	"static_select":              "selected_option",
	"external_select":            "selected_option",
	"checkboxes":                 "selected_options",
	"multi_static_select":        "selected_options",
	"multi_external_select":      "selected_options",
	"users_select":               "selected_user",
	"conversations_select":       "selected_conversation",
	"channels_select":            "selected_channel",
	"multi_users_select":         "selected_users",
	"multi_conversations_select": "selected_conversations",
	"multi_channels_select":      "selected_channels",
	"datepicker":                 "selected_date",
	"timepicker":                 "selected_time",
	"datetimepicker":             "selected_date_time",
	"rich_text_input":            "rich_text_value",
	"file_input":                 "files",
}

// initialField names the property that fills an element at first.
var initialField = map[string]string{
	"plain_text_input":           "initial_value",
	"email_text_input":           "initial_value",
	"url_text_input":             "initial_value",
	"number_input":               "initial_value",
	"radio_buttons":              "initial_option",
	"static_select":              "initial_option",
	"external_select":            "initial_option",
	"checkboxes":                 "initial_options",
	"multi_static_select":        "initial_options",
	"multi_external_select":      "initial_options",
	"users_select":               "initial_user",
	"conversations_select":       "initial_conversation",
	"channels_select":            "initial_channel",
	"multi_users_select":         "initial_users",
	"multi_conversations_select": "initial_conversations",
	"multi_channels_select":      "initial_channels",
	"datepicker":                 "initial_date",
	"timepicker":                 "initial_time",
	"datetimepicker":             "initial_date_time",
	"rich_text_input":            "initial_value",
}

// manyFields are the fields that hold lists, which are empty and not null when nothing is chosen.
var manyFields = []string{"selected_options", "selected_users", "selected_conversations", "selected_channels", "files"}

// stateOf makes the state of blocks: what was entered before where block_id, action_id and type
// stayed the same, and else what the element says initially.
func stateOf(blocks []any, before values) values {
	state := values{}
	for _, s := range spots(blocks) {
		field, stateful := stateField[s.typ]
		if !stateful {
			continue
		}
		if state[s.blockID] == nil {
			state[s.blockID] = map[string]map[string]any{}
		}
		if old := before[s.blockID][s.id]; old != nil && old["type"] == s.typ {
			state[s.blockID][s.id] = old
			continue
		}
		v := s.element[initialField[s.typ]]
		if v == nil && slices.Contains(manyFields, field) {
			v = []any{}
		}
		if v == "" {
			v = nil
		}
		state[s.blockID][s.id] = map[string]any{"type": s.typ, field: v}
	}
	return state
}
