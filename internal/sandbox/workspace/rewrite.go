package workspace

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kyokomi/emoji/v2"
	"golang.org/x/text/unicode/norm"
)

var (
	strayAmpersand = regexp.MustCompile(`&(amp;|lt;|gt;)?`)
	bareAddress    = regexp.MustCompile(`(^|\s)(https?://[^\s<>|]+)`)
	// names puts the shortcodes of emoji in their place, between two marks.
	names = shortcodes()
)

// mark stands around a shortcode. People cannot type it.
const mark = "\x00"

func shortcodes() *strings.Replacer {
	characters := slices.Collect(maps.Keys(emoji.RevCodeMap()))
	slices.SortFunc(characters, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var pairs []string
	for _, character := range characters {
		if written := strings.TrimSpace(character); written > "\u2000" {
			pairs = append(pairs, written, mark+slices.Min(emoji.RevCodeMap()[character])+mark)
		}
	}
	return strings.NewReplacer(pairs...)
}

// rewrite changes the blocks of a message or a view in place, as Slack does before it sends them with
// an interaction: with shortcodes for emoji, entities, links that it found, defaults, and what it
// knows of images. What the app sent means the same.
func rewrite(value any) {
	switch value := value.(type) {
	case []any:
		for _, each := range value {
			rewrite(each)
		}
	case map[string]any:
		switch value["type"] {
		case "mrkdwn", "plain_text":
			rewriteText(value)
			return
		case "image":
			value["image_width"], value["image_height"], value["image_bytes"] = 640, 480, 12345
			value["is_animated"], value["fallback"] = false, "640x480px image"
		case "data_table":
			if value["row_header_column_index"] == nil {
				value["row_header_column_index"] = 0
			}
		case "rich_text_section", "rich_text_quote", "rich_text_preformatted":
			value["elements"] = splitEmoji(array(value["elements"]))
			return
		}
		for _, each := range value {
			rewrite(each)
		}
	}
}

func rewriteText(text map[string]any) {
	said := norm.NFC.String(word(text["text"]))
	said = strayAmpersand.ReplaceAllStringFunc(said, func(found string) string {
		if found == "&" {
			return "&amp;"
		}
		return found
	})
	if text["type"] == "mrkdwn" && text["verbatim"] != true {
		text["verbatim"] = false
		said = bareAddress.ReplaceAllString(said, "$1<$2>")
	}
	if text["type"] == "plain_text" {
		text["emoji"] = true
	}
	text["text"] = strings.ReplaceAll(names.Replace(said), mark, "")
}

// splitEmoji takes the texts of rich text apart where they have emoji.
func splitEmoji(elements []any) []any {
	var all []any
	for _, each := range elements {
		element := object(each)
		if element["type"] != "text" {
			all = append(all, each)
			continue
		}
		for i, part := range strings.Split(names.Replace(word(element["text"])), mark) {
			one := map[string]any{"type": "text", "text": part}
			if i%2 == 1 {
				one = map[string]any{"type": "emoji", "name": strings.Trim(part, ":")}
			}
			if element["style"] != nil {
				one["style"] = element["style"]
			}
			if part != "" {
				all = append(all, one)
			}
		}
	}
	return all
}
