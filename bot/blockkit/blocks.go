package blockkit

import (
	"strings"
	"unicode/utf8"

	"github.com/slack-go/slack"
)

// Plain is a plain_text object.
func Plain(text string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.PlainTextType, Truncate(Escape(nonEmpty(text)), limit), false, false)
}

// Mrkdwn is a mrkdwn object. It is verbatim: nothing in it becomes a link or a mention by itself.
func Mrkdwn(mrkdwn string, limit int) *slack.TextBlockObject {
	return slack.NewTextBlockObject(slack.MarkdownType, Truncate(nonEmpty(mrkdwn), limit), false, true)
}

// nonEmpty replaces empty text, which Slack refuses, by a dash.
func nonEmpty(text string) string {
	if strings.TrimSpace(text) == "" {
		return "–"
	}
	return text
}

// Header is a header block of plain text.
func Header(text string) *slack.HeaderBlock { return slack.NewHeaderBlock(Plain(text, MaxHeader)) }

// Section is one section; what is too long for it is cut. [Sections] keeps everything.
func Section(mrkdwn string) *slack.SectionBlock {
	return slack.NewSectionBlock(Mrkdwn(mrkdwn, MaxSectionText), nil, nil)
}

// Sections shows mrkdwn in as many sections as it takes, cut at line ends where there are any.
func Sections(mrkdwn string) []slack.Block {
	var blocks []slack.Block
	for _, part := range split(mrkdwn, MaxSectionText) {
		blocks = append(blocks, Section(part))
	}
	return blocks
}

// split cuts text into parts of at most limit characters, at the last line end of each where there
// is one.
func split(text string, limit int) []string {
	var parts []string
	for utf8.RuneCountInString(text) > limit {
		end := cut(text, limit)
		if line := strings.LastIndexByte(text[:end], '\n'); line > 0 {
			parts, text = append(parts, text[:line]), text[line+1:]
			continue
		}
		if end == 0 {
			// A token longer than a whole part cannot stay in one piece.
			end = len(string([]rune(text)[:limit]))
		}
		parts, text = append(parts, text[:end]), text[end:]
	}
	return append(parts, text)
}

// Context is a line of small mrkdwn texts, ten at most.
func Context(texts ...string) *slack.ContextBlock {
	var elements []slack.MixedElement
	for _, text := range texts[:min(len(texts), MaxContextElements)] {
		elements = append(elements, Mrkdwn(text, MaxTextObject))
	}
	return slack.NewContextBlock("", elements...)
}
