package blockcheck

import (
	"regexp"
	"slices"
)

// plain is a plain_text object, text a plain_text or mrkdwn object, of 1 to max characters.
func plain(max int) rule { return textObject(max, "plain_text") }

func text(max int) rule { return textObject(max, "plain_text", "mrkdwn") }

func textObject(max int, kinds ...string) rule {
	return func(c *checker, at string, v any) {
		m, kind, ok := c.typed(at, v)
		if !ok {
			return
		}
		if !slices.Contains(kinds, kind) {
			c.refuse(at+"/type", "must be a valid enum value")
			return
		}
		own := fields{"type": anything, "text": str(1, max)}
		if kind == "plain_text" {
			own["emoji"] = boolean
		} else {
			own["verbatim"] = boolean
		}
		shape{fields: own, required: []string{"text"}}.check(c, at, m)
	}
}

func confirm(c *checker, at string, v any) {
	shape{fields: fields{"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30),
		"style": enum("primary", "danger")}, required: []string{"title", "text", "confirm"}}.check(c, at, v)
}

// The kinds of option: checkboxes and radio buttons may hold mrkdwn, only overflow options may
// hold a url.
type optionKind int

const (
	selectOption optionKind = iota
	choiceOption
	overflowOption
)

func option(k optionKind) rule {
	label, description := plain(75), plain(75)
	if k == choiceOption {
		label, description = text(75), text(75)
	}
	own := fields{"text": label, "value": str(1, 150), "description": description}
	if k == overflowOption {
		own["url"] = link
	}
	return shape{fields: own, required: []string{"text", "value"}}.check
}

func optionGroup(c *checker, at string, v any) {
	shape{fields: fields{"label": plain(75), "options": list(option(selectOption), 1, 100)},
		required: []string{"label", "options"}}.check(c, at, v)
}

var fileID = regexp.MustCompile(`^F[A-Z0-9]{8,}$`)

func slackFile(c *checker, at string, v any) {
	before := len(c.problems)
	shape{fields: fields{"id": str(1, 255), "url": link}, also: oneOf("id", "url")}.check(c, at, v)
	if len(c.problems) > before {
		return
	}
	m := v.(map[string]any)
	id, _ := m["id"].(string)
	u, _ := m["url"].(string)
	if u == "" && !fileID.MatchString(id) || c.options.SlackFile == nil || !c.options.SlackFile(id, u) {
		c.refuse(at, "invalid slack file")
	}
}

var imageFields = fields{"type": anything, "image_url": link, "slack_file": slackFile, "alt_text": str(1, 2000)}

func image(c *checker, at string, v any) {
	m, kind, ok := c.typed(at, v)
	if !ok {
		return
	}
	if kind != "image" {
		c.refuse(at+"/type", "must be a valid enum value")
		return
	}
	shape{fields: imageFields, required: []string{"alt_text"}, also: oneOf("image_url", "slack_file")}.check(c, at, m)
}

var dispatchConfig = shape{fields: fields{
	"trigger_actions_on": list(enum("on_enter_pressed", "on_character_entered"), 1, 2)}}.check

var filter = shape{fields: fields{"include": list(enum("im", "mpim", "private", "public"), 1, 4),
	"exclude_external_shared_channels": boolean, "exclude_bot_users": boolean}}.check
