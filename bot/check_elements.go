package bot

import (
	"reflect"
	"strconv"
)

// elements is every interactive element this package knows (https://docs.slack.dev/reference/block-kit/block-elements).
var elements = map[string]bool{
	"button": true, "static_select": true, "external_select": true, "users_select": true, "conversations_select": true,
	"channels_select": true, "multi_static_select": true, "multi_external_select": true, "multi_users_select": true,
	"multi_conversations_select": true, "multi_channels_select": true, "overflow": true, "radio_buttons": true, "checkboxes": true,
	"plain_text_input": true, "email_text_input": true, "url_text_input": true, "number_input": true, "rich_text_input": true,
	"file_input": true, "datepicker": true, "timepicker": true, "datetimepicker": true, "image": true,
}

// element checks an interactive element, or an image, inside a block.
func (c *checker) element(at string, e object) {
	kind := e.str("type")
	if !elements[kind] {
		c.report(at, "unsupported type: %s", kind)
	}
	c.length(at+"/action_id", e.str("action_id"), MaxActionID)
	c.text(at+"/placeholder", e, "placeholder", MaxPlaceholder, plainOnly)
	if focus, _ := e["focus_on_load"].(bool); focus {
		c.focused++
	}
	if confirm := e.obj("confirm"); confirm != nil {
		c.required(at+"/confirm/title", confirm, "title", MaxConfirmTitle, plainOnly)
		c.required(at+"/confirm/text", confirm, "text", MaxConfirmText, !plainOnly)
		c.required(at+"/confirm/confirm", confirm, "confirm", MaxConfirmButton, plainOnly)
		c.required(at+"/confirm/deny", confirm, "deny", MaxConfirmButton, plainOnly)
	}
	switch kind {
	case "button":
		c.required(at+"/text", e, "text", MaxButtonText, plainOnly)
		c.length(at+"/value", e.str("value"), MaxButtonValue)
		c.length(at+"/url", e.str("url"), MaxImageURL)
		if style := e.str("style"); style != "" && style != "primary" && style != "danger" {
			c.report(at+"/style", "%q is not a style", style)
		}
	case "static_select", "multi_static_select":
		if (e["options"] == nil) == (e["option_groups"] == nil) {
			c.report(at, "needs one of options and option_groups")
		}
		c.options(at, e, MaxSelectOptions)
		groups := e.list("option_groups")
		c.count(at+"/option_groups", groups, 0, MaxSelectOptions)
		for i, group := range groups {
			path := at + "/option_groups/" + strconv.Itoa(i)
			c.required(path+"/label", asObject(group), "label", MaxOptionText, plainOnly)
			c.options(path, asObject(group), MaxSelectOptions)
		}
	case "overflow":
		c.options(at, e, MaxOverflowOptions)
	case "radio_buttons", "checkboxes":
		c.options(at, e, MaxChoices)
	case "plain_text_input", "email_text_input", "url_text_input":
		c.length(at+"/initial_value", e.str("initial_value"), MaxInputLength)
		for _, name := range []string{"min_length", "max_length"} {
			if n, ok := e[name].(float64); ok && (n < 0 || n > MaxInputLength) {
				c.report(at+"/"+name, "%v is not 0 to %d", n, MaxInputLength)
			}
		}
	}
}

// options checks the options of an element and that its initial ones are among them.
func (c *checker) options(at string, e object, limit int) {
	options := e.list("options")
	if e["options"] != nil {
		c.count(at+"/options", options, 1, limit)
	}
	for i, item := range options {
		path, option := at+"/options/"+strconv.Itoa(i), asObject(item)
		c.required(path+"/text", option, "text", MaxOptionText, false)
		c.text(path+"/description", option, "description", MaxOptionDescription, false)
		c.length(path+"/value", option.str("value"), MaxOptionValue)
	}
	initial := e.list("initial_options")
	if e["initial_option"] != nil {
		initial = append(initial, e["initial_option"])
	}
	for _, group := range e.list("option_groups") {
		options = append(options, asObject(group).list("options")...)
	}
	for _, chosen := range initial {
		if !offered(options, chosen) {
			c.report(at+"/initial_option", "%q is not exactly one of the options", asObject(chosen).str("value"))
		}
	}
}

func offered(options []any, chosen any) bool {
	for _, option := range options {
		if reflect.DeepEqual(option, chosen) {
			return true
		}
	}
	return false
}
