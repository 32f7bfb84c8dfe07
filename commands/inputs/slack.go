package inputs

import (
	"strings"
	"unicode"
)

// entities are the three characters that Slack escapes:
// https://docs.slack.dev/messaging/formatting-message-text#escaping.
var entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// unescape returns what the person saw when they pressed return: the labels of links that Slack
// made of addresses and domains, and the characters of entities. It drops characters without
// width, since nobody types them on purpose.
func unescape(text string) string {
	var out strings.Builder
	for {
		start := strings.IndexByte(text, '<')
		if start < 0 {
			break
		}
		length := strings.IndexByte(text[start:], '>')
		if length < 0 {
			break
		}
		out.WriteString(text[:start])
		out.WriteString(label(text[start : start+length+1]))
		text = text[start+length+1:]
	}
	out.WriteString(text)
	return strings.Map(visible, entities.Replace(out.String()))
}

// label is the visible part of a link. Mentions are not links and stay as they are.
func label(link string) string {
	target, label, labelled := strings.Cut(link[1:len(link)-1], "|")
	scheme, rest, _ := strings.Cut(target, ":")
	switch {
	case scheme != "mailto" && scheme != "http" && scheme != "https" && scheme != "tel":
		return link
	case labelled:
		return label
	case scheme == "mailto" || scheme == "tel":
		return rest
	}
	return target
}

// visible drops characters without width.
func visible(r rune) rune {
	switch r {
	case '\u200b', '\u2060', '\ufeff': // zero width space, word joiner, byte order mark
		return -1
	}
	return r
}

// plainDashes replaces the dashes that keyboards make of hyphens with hyphens.
func plainDashes(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Pd, r) || r == '\u2212' { // minus sign
			return '-'
		}
		return r
	}, text)
}
