package blockcheck

import (
	"encoding/json"
	"fmt"
	"slices"
)

// kind is one block type: its shape and where it may be shown.
type kind struct {
	surfaces []Surface
	check    rule
}

var (
	everywhere = []Surface{Message, Modal, Home}
	messages   = []Surface{Message}
	roomy      = []Surface{Message, Home}
	modals     = []Surface{Modal}
)

// blockFields are the properties that every block has.
var blockFields = fields{"type": anything, "block_id": str(0, 255)}

func block(more fields, required ...string) shape {
	return shape{fields: with(blockFields, more), required: required}
}

var blockKinds = map[string]kind{
	"section":   {everywhere, section},
	"header":    {everywhere, block(fields{"text": plain(150), "level": integer(1, 4)}, "text").check},
	"divider":   {everywhere, block(nil).check},
	"actions":   {everywhere, holding("actions", 25)},
	"context":   {everywhere, block(fields{"elements": list(contextElement, 1, 10)}, "elements").check},
	"input":     {everywhere, input},
	"image":     {everywhere, imageBlock},
	"rich_text": {everywhere, block(fields{"elements": list(richElement, 1, 0)}, "elements").check},
	"card":      {everywhere, card},
	"alert": {
		modals,
		block(
			fields{"text": text(200), "level": enum("default", "info", "warning", "error", "success")},
			"text",
		).check,
	},
	"markdown":        {messages, markdown},
	"plan":            {messages, plan},
	"task_card":       {messages, taskCard},
	"context_actions": {messages, holding("context_actions", 5)},
	"table":           {roomy, table},
	"data_table":      {roomy, dataTable},
	"container":       {roomy, container},
	"carousel":        {roomy, block(fields{"elements": list(cardInside, 1, 10)}, "elements").check},
}

// blocks judges the top-level list: 50 for a message, 100 for a view
// (docs.slack.dev/reference/block-kit/blocks).
func (c *checker) blocks(at string, v any) {
	limit := 100
	if c.surface == Message {
		limit = 50
	}
	list((*checker).block, 0, limit)(c, at, v)
}

func (c *checker) block(at string, v any) {
	m, name, ok := c.typed(at, v)
	if !ok {
		return
	}
	k, known := c.kinds[name]
	if !known || !slices.Contains(k.surfaces, c.surface) || slices.Contains(c.options.Unsupported, name) {
		c.refuse(at+"/type", "unsupported type: %s", name)
		return
	}
	c.used[name] = true
	k.check(c, at, m)
	if id, _ := m["block_id"].(string); id != "" && name != "markdown" {
		if c.blockIDs[id] {
			c.refuse(at+"/block_id", "`block_id` \"%s\" already exists", id)
		}
		c.blockIDs[id] = true
	}
}

// totals judges what is counted over the whole message or view.
func (c *checker) totals(at string) {
	if c.markdown > 12000 {
		c.refuse(at, "markdown blocks must be less than 12001 characters in total")
	}
	if c.cells > 10000 {
		c.refuse(at, "table cells must be less than 10001 characters in total")
	}
	if c.data > 20000 {
		c.refuse(at, "data_table cells must be less than 20001 characters in total")
	}
	if c.used["plan"] && c.used["task_card"] {
		c.refuse(at, "`plan` and `task_card` blocks cannot be mixed")
	}
}

// OnlyOneTable reports whether more than one table is among the decoded blocks of a message,
// which Slack refuses with an error of its own (invalid_attachments, only_one_table_allowed).
func OnlyOneTable(blocks []any) bool {
	n := 0
	for _, b := range blocks {
		if m, ok := b.(map[string]any); ok && m["type"] == "table" {
			n++
		}
	}
	return n <= 1
}

func section(c *checker, at string, v any) {
	s := block(
		fields{
			"text":      text(3000),
			"fields":    list(text(2000), 1, 10),
			"accessory": elementIn("section", map[string]bool{}),
			"expand":    boolean,
		},
	)
	s.also = func(c *checker, at string, m map[string]any) {
		if m["text"] == nil && m["fields"] == nil {
			c.refuse(at+"/type", "must define either `text` or `fields`")
		}
	}
	s.check(c, at, v)
}

// holding is a block that is a row of elements.
func holding(name string, max int) rule {
	return func(c *checker, at string, v any) {
		block(fields{"elements": list(elementIn(name, map[string]bool{}), 1, max)}, "elements").check(c, at, v)
	}
}

func contextElement(c *checker, at string, v any) {
	if _, t, ok := c.typed(at, v); !ok {
		return
	} else if t == "image" {
		image(c, at, v)
		return
	} else if t != "plain_text" && t != "mrkdwn" {
		c.refuse(at+"/type", "unsupported type: %s", t)
		return
	}
	text(3000)(c, at, v)
}

func input(c *checker, at string, v any) {
	if c.inputAt == "" {
		c.inputAt = at
	}
	s := block(fields{"label": plain(2000), "hint": plain(2000), "optional": boolean, "dispatch_action": boolean,
		"element": elementIn("input", map[string]bool{})}, "label", "element")
	s.also = func(c *checker, at string, m map[string]any) {
		e, _ := m["element"].(map[string]any)
		if m["dispatch_action"] == true && e["type"] == "file_input" {
			c.refuse(at+"/element/type", "unsupported type: file_input")
		}
	}
	s.check(c, at, v)
}

func imageBlock(c *checker, at string, v any) {
	s := block(with(imageFields, fields{"title": plain(2000)}), "alt_text")
	s.also = oneOf("image_url", "slack_file")
	s.check(c, at, v)
}

func markdown(c *checker, at string, v any) {
	block(fields{"text": str(1, 12000)}, "text").check(c, at, v)
	if m, ok := v.(map[string]any); ok {
		s, _ := m["text"].(string)
		c.markdown += len([]rune(s))
	}
}

func cardInside(c *checker, at string, v any) {
	if _, t, ok := c.typed(at, v); ok && t != "card" {
		c.refuse(at+"/type", "unsupported type: %s", t)
		return
	}
	c.block(at, v)
}

func card(c *checker, at string, v any) {
	icon := shape{fields: fields{"type": enum("icon"), "name": str(1, 255)}, required: []string{"type", "name"}}.check
	s := block(
		fields{
			"hero_image": image,
			"icon":       image,
			"slack_icon": icon,
			"title":      text(150),
			"subtitle":   text(150),
			"body":       text(200),
			"subtext":    text(200),
			"actions":    list(cardButton(map[string]bool{}), 1, 3),
		},
	)
	s.also = func(c *checker, at string, m map[string]any) {
		if m["hero_image"] == nil && m["title"] == nil && m["actions"] == nil && m["body"] == nil {
			c.refuse(at+"/type", "must define at least one of `hero_image`, `title`, `actions` or `body`")
		}
		if m["icon"] != nil && m["slack_icon"] != nil {
			c.refuse(at, "must define only one of `icon` or `slack_icon`")
		}
	}
	s.check(c, at, v)
}

func cardButton(ids map[string]bool) rule {
	return func(c *checker, at string, v any) {
		if _, t, ok := c.typed(at, v); ok && t != "button" {
			c.refuse(at+"/type", "unsupported type: %s", t)
			return
		}
		elementIn("actions", ids)(c, at, v)
	}
}

var containable = []string{
	"actions",
	"context",
	"divider",
	"header",
	"image",
	"input",
	"rich_text",
	"section",
	"table",
}

func container(c *checker, at string, v any) {
	child := func(c *checker, at string, v any) {
		if _, t, ok := c.typed(at, v); ok && !slices.Contains(containable, t) {
			c.refuse(at+"/type", "unsupported type: %s", t)
			return
		}
		c.block(at, v)
	}
	s := block(fields{"title": plain(150), "rich_text_title": richText, "subtitle": text(150), "icon": image,
		"width": enum("narrow", "standard", "wide", "full"), "is_collapsible": boolean, "default_collapsed": boolean,
		"has_header_divider": boolean, "child_blocks": list(child, 1, 10)}, "child_blocks")
	s.also = func(c *checker, at string, m map[string]any) {
		if m["title"] == nil && m["rich_text_title"] == nil {
			c.refuse(at, "must define either `title` or `rich_text_title`")
		}
	}
	s.check(c, at, v)
}

func count(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	i, err := n.Int64()
	return i, err == nil
}

func item(at string, i int) string { return fmt.Sprintf("%s/%d", at, i) }
