package blockcheck

import "slices"

var style = shape{
	fields: fields{"bold": boolean, "italic": boolean, "strike": boolean, "code": boolean, "underline": boolean,
		"highlight": boolean, "client_highlight": boolean, "unlink": boolean},
}.check

// richLeaves are the elements of a rich text section that an app may send.
var richLeaves = map[string]shape{
	"text":      {fields: fields{"text": str(1, 0)}, required: []string{"text"}},
	"link":      {fields: fields{"url": link, "text": str(0, 0), "unsafe": boolean}, required: []string{"url"}},
	"user":      {fields: fields{"user_id": str(1, 0)}, required: []string{"user_id"}},
	"usergroup": {fields: fields{"usergroup_id": str(1, 0)}, required: []string{"usergroup_id"}},
	"channel":   {fields: fields{"channel_id": str(1, 0)}, required: []string{"channel_id"}},
	"team":      {fields: fields{"team_id": str(1, 0)}, required: []string{"team_id"}},
	"emoji": {
		fields:   fields{"name": str(1, 0), "unicode": str(0, 0), "skin_tone": integer(1, 6)},
		required: []string{"name"},
	},
	"broadcast": {fields: fields{"range": enum("here", "channel", "everyone")}, required: []string{"range"}},
	"color":     {fields: fields{"value": str(1, 0)}, required: []string{"value"}},
	"date": {
		fields: fields{
			"timestamp": integer(0, 1<<40),
			"format":    str(1, 0),
			"url":       link,
			"fallback":  str(0, 0),
			"timezone":  str(0, 0),
		},
		required: []string{"timestamp", "format"},
	},
}

func richLeaf(kinds ...string) rule {
	return func(c *checker, at string, v any) {
		m, kind, ok := c.typed(at, v)
		if !ok {
			return
		}
		s, known := richLeaves[kind]
		if len(kinds) > 0 {
			known = slices.Contains(kinds, kind)
		}
		if !known {
			c.refuse(at+"/type", "unsupported type: %s", kind)
			return
		}
		s.fields = with(s.fields, fields{"type": anything, "style": style})
		s.check(c, at, m)
	}
}

// richElements are the children of a rich_text block.
func richElement(c *checker, at string, v any) {
	m, kind, ok := c.typed(at, v)
	if !ok {
		return
	}
	need := []string{"elements"}
	switch kind {
	case "rich_text_section":
		shape{fields: fields{"type": anything, "elements": list(richLeaf(), 0, 0)}, required: need}.check(c, at, m)
	case "rich_text_quote":
		shape{
			fields:   fields{"type": anything, "elements": list(richLeaf(), 0, 0), "border": integer(0, 1)},
			required: need,
		}.check(
			c,
			at,
			m,
		)
	case "rich_text_preformatted":
		shape{
			fields: fields{
				"type":     anything,
				"elements": list(richLeaf("text", "link"), 0, 0),
				"border":   integer(0, 1),
				"language": str(0, 0),
			},
			required: need,
		}.check(
			c,
			at,
			m,
		)
	case "rich_text_list":
		shape{
			fields: fields{
				"type":   anything,
				"style":  enum("bullet", "ordered"),
				"indent": integer(0, 8),
				"offset": integer(0, 1<<31),
				"border": integer(
					0,
					1,
				),
				"elements": list(richSection, 0, 0),
			},
			required: []string{"elements", "style"},
		}.check(
			c,
			at,
			m,
		)
	default:
		c.refuse(at+"/type", "unsupported type: %s", kind)
	}
}

func richSection(c *checker, at string, v any) {
	if _, kind, ok := c.typed(at, v); ok && kind != "rich_text_section" {
		c.refuse(at+"/type", "unsupported type: %s", kind)
		return
	}
	richElement(c, at, v)
}

// richText is a rich_text entity inside another block, such as a task's details, which is never
// empty.
func richText(c *checker, at string, v any) {
	m, kind, ok := c.typed(at, v)
	if !ok {
		return
	}
	if kind != "rich_text" {
		c.refuse(at+"/type", "must be a valid enum value")
		return
	}
	shape{fields: fields{"type": anything, "block_id": str(0, 255), "elements": list(richElement, 1, 0)},
		required: []string{"elements"}}.check(c, at, m)
	if RichTextLen(m) == 0 {
		c.refuse(at+"/elements", "must not be empty")
	}
}

// RichTextLen counts what a rich_text tree shows: characters of text, and one for each mention,
// emoji, date or link.
func RichTextLen(v any) int {
	m, ok := v.(map[string]any)
	if !ok {
		return 0
	}
	if items, ok := m["elements"].([]any); ok {
		n := 0
		for _, it := range items {
			n += RichTextLen(it)
		}
		return n
	}
	if s, ok := m["text"].(string); ok {
		return len([]rune(s))
	}
	return 1
}
