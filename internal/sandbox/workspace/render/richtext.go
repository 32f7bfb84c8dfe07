package render

import (
	"encoding/json"
	"fmt"
	"strings"
)

// rich renders the elements of a rich_text block.
func (t *printer) rich(all []any) []string {
	var lines []string
	number := 0
	for _, v := range all {
		e := object(v)
		if e["type"] != "rich_text_list" {
			number = 0
		}
		switch e["type"] {
		case "rich_text_section":
			lines = append(lines, wrap(strings.TrimSuffix(t.leaves(e), "\n"), t.max)...)
		case "rich_text_quote":
			lines = append(lines, indent(wrap(t.leaves(e), t.max-2), "│ ", "│ ")...)
		case "rich_text_preformatted":
			lines = append(lines, indent(wrap(t.leaves(e), t.max-4), "    ", "    ")...)
		case "rich_text_list":
			level := integer(e["indent"], 0)
			for _, item := range array(e["elements"]) {
				number++
				mark := "• "
				if e["style"] == "ordered" {
					mark = fmt.Sprintf("%d. ", number)
				}
				space := strings.Repeat("  ", level)
				lines = append(
					lines,
					indent(
						wrap(t.leaves(object(item)), t.max-len(space)-len([]rune(mark))),
						space+mark,
						space+strings.Repeat(" ", len([]rune(mark))),
					)...)
			}
		}
	}
	return lines
}

func (t *printer) leaves(section map[string]any) string {
	var out strings.Builder
	for _, v := range array(section["elements"]) {
		out.WriteString(t.names.leaf(object(v)))
	}
	return out.String()
}

// leaf is one element of a rich text section as plain text.
func (n Names) leaf(e map[string]any) string {
	switch e["type"] {
	case "text":
		return word(e["text"])
	case "link":
		if text := word(e["text"]); text != "" && text != word(e["url"]) {
			return text + " (" + word(e["url"]) + ")"
		}
		return word(e["url"])
	case "user":
		return "@" + n.of(word(e["user_id"]))
	case "usergroup":
		return "@" + n.of(word(e["usergroup_id"]))
	case "channel":
		return "#" + n.of(word(e["channel_id"]))
	case "broadcast":
		return "@" + word(e["range"])
	case "emoji":
		return Emoji(":" + word(e["name"]) + ":")
	case "date":
		if ts, ok := e["timestamp"].(json.Number); ok {
			i, _ := ts.Int64()
			return Date(i, word(e["format"]))
		}
		return word(e["fallback"])
	case "color":
		return word(e["value"])
	}
	return "[" + word(e["type"]) + "]"
}
