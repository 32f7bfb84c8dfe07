package blockcheck

import (
	"regexp"
	"slices"
)

// element is one interactive element: its shape, and what it may stand in.
type element struct {
	shape
	// in lists the blocks that take it.
	in []string
	// modal says that it exists in modals only.
	modal bool
}

var (
	dateText = regexp.MustCompile(`^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$`)
	timeText = regexp.MustCompile(`^([01]\d|2[0-3]):[0-5]\d$`)
)

func pattern(re *regexp.Regexp) rule {
	return func(c *checker, at string, v any) {
		if s, ok := v.(string); !ok {
			c.refuse(at, "must provide a string")
		} else if !re.MatchString(s) {
			c.refuse(at, "must match pattern %s", re)
		}
	}
}

func focus(c *checker, at string, v any) {
	boolean(c, at, v)
	if v == true {
		if c.focus++; c.focus == 2 {
			c.refuse(at, "only one element may set `focus_on_load`")
		}
	}
}

var (
	anywhere  = []string{"section", "actions", "input"}
	typing    = []string{"input"}
	clicking  = []string{"section", "actions"}
	common    = fields{"type": anything, "action_id": str(1, 255)}
	choosable = with(common, fields{"confirm": confirm, "focus_on_load": focus})
	choice    = with(choosable, fields{"placeholder": plain(150)})
	typed     = with(
		common,
		fields{"placeholder": plain(150), "focus_on_load": focus, "dispatch_action_config": dispatchConfig},
	)
	multi  = with(choice, fields{"max_selected_items": integer(1, 1<<31)})
	maxURL = fields{"response_url_enabled": boolean}
	idList = list(str(1, 255), 1, 0)
)

var choosing = fields{"options": list(option(selectOption), 1, 100), "option_groups": list(optionGroup, 1, 100)}

var elements = map[string]element{
	"button": {
		in: clicking,
		shape: shape{fields: with(common, fields{"text": plain(75), "value": str(1, 2000), "url": link,
			"style": enum(
				"primary",
				"danger",
			), "confirm": confirm, "accessibility_label": str(1, 75)}), required: []string{"text"}},
	},
	"workflow_button": {
		in: clicking,
		shape: shape{fields: with(common, fields{"text": plain(75), "style": enum("primary", "danger"),
			"accessibility_label": str(
				1,
				75,
			), "workflow": anything}), required: []string{"text", "workflow", "action_id"}},
	},
	"image": {
		in:    []string{"section"},
		shape: shape{fields: imageFields, required: []string{"alt_text"}, also: oneOf("image_url", "slack_file")},
	},
	"overflow": {
		in: clicking,
		shape: shape{fields: with(common, fields{"options": list(option(overflowOption), 1, 5), "confirm": confirm}),
			required: []string{"options"}},
	},
	"checkboxes": {
		in: anywhere,
		shape: shape{fields: with(choosable, fields{"options": list(option(choiceOption), 1, 10),
			"initial_options": list(option(choiceOption), 1, 10)}), required: []string{"options"}, also: offered},
	},
	"radio_buttons": {
		in: anywhere,
		shape: shape{fields: with(choosable, fields{"options": list(option(choiceOption), 1, 10),
			"initial_option": option(choiceOption)}), required: []string{"options"}, also: offered},
	},
	"static_select": {
		in: anywhere,
		shape: shape{fields: with(with(choice, choosing), fields{"initial_option": option(selectOption)}),
			also: allOf(oneOf("options", "option_groups"), offered)},
	},
	"external_select": {
		in: anywhere,
		shape: shape{
			fields: with(
				choice,
				fields{"initial_option": option(selectOption), "min_query_length": integer(0, 1<<31)},
			),
		},
	},
	"users_select": {in: anywhere, shape: shape{fields: with(choice, fields{"initial_user": str(1, 255)})}},
	"channels_select": {
		in:    anywhere,
		shape: shape{fields: with(with(choice, maxURL), fields{"initial_channel": str(1, 255)}), also: responseURL},
	},
	"conversations_select": {
		in: anywhere,
		shape: shape{fields: with(with(choice, maxURL), fields{"initial_conversation": str(1, 255),
			"default_to_current_conversation": boolean, "filter": filter}), also: responseURL},
	},
	"multi_static_select": {in: anywhere, shape: shape{fields: with(with(multi, choosing), fields{
		"initial_options": list(
			option(selectOption),
			1,
			100,
		)}), also: allOf(oneOf("options", "option_groups"), offered)}},
	"multi_external_select": {
		in: anywhere,
		shape: shape{fields: with(multi, fields{"initial_options": list(option(selectOption), 1, 100),
			"min_query_length": integer(0, 1<<31)})},
	},
	"multi_users_select":    {in: anywhere, shape: shape{fields: with(multi, fields{"initial_users": idList})}},
	"multi_channels_select": {in: anywhere, shape: shape{fields: with(multi, fields{"initial_channels": idList})}},
	"multi_conversations_select": {
		in: anywhere,
		shape: shape{fields: with(multi, fields{"initial_conversations": idList,
			"default_to_current_conversation": boolean, "filter": filter})},
	},
	"datepicker": {in: anywhere, shape: shape{fields: with(choice, fields{"initial_date": pattern(dateText)})}},
	"timepicker": {
		in:    anywhere,
		shape: shape{fields: with(choice, fields{"initial_time": pattern(timeText), "timezone": str(1, 0)})},
	},
	"datetimepicker": {
		in:    []string{"actions", "input"},
		shape: shape{fields: with(choosable, fields{"initial_date_time": integer(1e9, 9999999999)})},
	},
	"plain_text_input": {
		in: typing,
		shape: shape{fields: with(typed, fields{"initial_value": str(0, 3000), "multiline": boolean,
			"min_length": integer(0, 3000), "max_length": integer(1, 3000)}), also: lengths},
	},
	"email_text_input": {in: typing, shape: shape{fields: with(typed, fields{"initial_value": str(0, 0)})}},
	"url_text_input":   {in: typing, shape: shape{fields: with(typed, fields{"initial_value": str(0, 0)})}},
	"number_input": {
		in:    typing,
		modal: true,
		shape: shape{fields: with(typed, fields{"is_decimal_allowed": boolean, "initial_value": decimal,
			"min_value": decimal, "max_value": decimal}), required: []string{"is_decimal_allowed"}},
	},
	"rich_text_input": {
		in: []string{"actions", "input"},
		shape: shape{fields: with(typed, fields{"initial_value": richText,
			"min_lines": integer(1, 100), "max_lines": integer(1, 100)})},
	},
	"file_input": {
		in:    typing,
		modal: true,
		shape: shape{fields: with(common, fields{"filetypes": list(str(1, 0), 1, 0), "max_files": integer(1, 10)})},
	},
	"feedback_buttons": {
		in: []string{"context_actions"},
		shape: shape{fields: with(common, fields{"positive_button": feedback, "negative_button": feedback}),
			required: []string{"positive_button", "negative_button"}},
	},
	"icon_button": {
		in: []string{"context_actions"},
		shape: shape{fields: with(common, fields{"icon": enum("trash"), "text": plain(75), "value": str(1, 2000),
			"confirm": confirm, "accessibility_label": str(1, 75), "visible_to_user_ids": idList}),
			required: []string{"icon", "text"}},
	},
}

var feedback = shape{fields: fields{"text": plain(75), "value": str(1, 2000), "accessibility_label": str(1, 75)},
	required: []string{"text", "value"}}.check

// elementIn judges an element inside the named block, together with the action_ids already used
// there.
func elementIn(block string, ids map[string]bool) rule {
	return func(c *checker, at string, v any) {
		m, kind, ok := c.typed(at, v)
		if !ok {
			return
		}
		e, known := elements[kind]
		if !known || !slices.Contains(e.in, block) || e.modal && c.surface != Modal {
			c.refuse(at+"/type", "unsupported type: %s", kind)
			return
		}
		e.check(c, at, m)
		if id, _ := m["action_id"].(string); id != "" {
			if ids[id] {
				c.refuse(at+"/action_id", "`action_id` \"%s\" already exists", id)
			}
			ids[id] = true
		}
	}
}

func allOf(rules ...func(*checker, string, map[string]any)) func(*checker, string, map[string]any) {
	return func(c *checker, at string, m map[string]any) {
		for _, r := range rules {
			r(c, at, m)
		}
	}
}

// offered wants initial options to equal an offered one exactly, and option values to be unique.
func offered(c *checker, at string, m map[string]any) {
	all, _ := m["options"].([]any)
	groups, _ := m["option_groups"].([]any)
	for _, g := range groups {
		if g, ok := g.(map[string]any); ok {
			more, _ := g["options"].([]any)
			all = append(slices.Clone(all), more...)
		}
	}
	isOffered := func(v any) bool { return slices.ContainsFunc(all, func(o any) bool { return same(o, v) }) }
	if v, ok := m["initial_option"]; ok && !isOffered(v) {
		c.refuse(at+"/initial_option", "must exactly match one of the provided options")
	}
	initial, _ := m["initial_options"].([]any)
	for _, v := range initial {
		if !isOffered(v) {
			c.refuse(at+"/initial_options", "must exactly match one of the provided options")
			break
		}
	}
}

func lengths(c *checker, at string, m map[string]any) {
	min, ok1 := count(m["min_length"])
	max, ok2 := count(m["max_length"])
	if ok1 && ok2 && min > max {
		c.refuse(at+"/min_length", "must be less than or equal to `max_length`")
	}
	if s, ok := m["initial_value"].(string); ok && ok2 && int64(len([]rune(s))) > max {
		c.refuse(at+"/initial_value", "must be less than %d characters", max+1)
	}
}

func responseURL(c *checker, at string, m map[string]any) {
	if m["response_url_enabled"] == true && c.surface != Modal {
		c.refuse(at+"/response_url_enabled", "only allowed in modals")
	}
}
