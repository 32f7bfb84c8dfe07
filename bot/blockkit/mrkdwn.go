package blockkit

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	escaper   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	unescaper = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")
)

// Escape makes text from people safe in mrkdwn and message text: it becomes no mention, no link
// and no <!channel>. Slack wants these three characters escaped and no others
// (https://docs.slack.dev/messaging/formatting-message-text#escaping), in plain_text objects too.
// Truncate after escaping.
func Escape(text string) string { return escaper.Replace(text) }

// Unescape undoes [Escape], which Slack does to the text of a command too
// (https://docs.slack.dev/interactivity/implementing-slash-commands).
func Unescape(text string) string { return unescaper.Replace(text) }

// ellipsis ends what was cut.
const ellipsis = "…"

// Truncate cuts text to at most limit characters, the last of them an ellipsis when something was
// cut. It cuts between runes, and never inside an escaped entity or a <…> token.
func Truncate(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	if limit <= 0 {
		return ""
	}
	return text[:cut(text, limit-1)] + ellipsis
}

// longestEntity is how far behind a cut an entity that it splits may begin: &amp; without its last
// character.
const longestEntity = len("&amp")

// cut returns the greatest byte offset in text that has at most limit runes before it and splits
// no entity or token.
func cut(text string, limit int) int {
	end := 0
	for range limit {
		if end == len(text) {
			return end
		}
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
	}
	if amp := strings.LastIndexByte(text[:end], '&'); amp >= 0 && end-amp <= longestEntity {
		for _, entity := range []string{"&amp;", "&lt;", "&gt;"} {
			if strings.HasPrefix(text[amp:], entity) && amp+len(entity) > end {
				return amp
			}
		}
	}
	open := strings.LastIndexByte(text[:end], '<')
	if open >= 0 && !strings.Contains(text[open:end], ">") && strings.Contains(text[end:], ">") {
		return open
	}
	return end
}

// lookalike replaces a backtick inside code, for which Slack has no escape. U+02CB looks the same
// and does not end the code.
const lookalike = "ˋ"

// Code is text in one line of inline code. Backticks and line breaks in it are replaced, the rest
// is escaped.
func Code(text string) string {
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "`", lookalike)), " ")
	if text == "" {
		return ""
	}
	return "`" + Escape(text) + "`"
}

// token matches what mrkdwn has in angle brackets: a link, a mention or a date, with what is shown
// of it.
var token = regexp.MustCompile(`<([^<>|]*)\|?([^<>]*)>`)

// Unmarked is mrkdwn as plain text, for an alternative text that a screen reader reads: tokens as
// what they show, without emphasis and code marks, nothing escaped.
func Unmarked(mrkdwn string) string {
	text := token.ReplaceAllStringFunc(mrkdwn, func(found string) string {
		parts := token.FindStringSubmatch(found)
		if parts[2] != "" {
			return parts[2]
		}
		return parts[1]
	})
	return Unescape(strings.NewReplacer("*", "", "`", "").Replace(text))
}
