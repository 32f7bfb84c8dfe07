package mrkdwn

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible escapes what does not print, and what could make a line look different from what it is
// (Unicode TR36 §2.3). Line breaks and tabs stay. Approvers must see exactly what would happen.
func Visible(text string) string {
	if strings.IndexFunc(text, isHidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	var before rune
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == zeroWidthJoiner && isEmoji(before) && isEmoji(firstRune(text[size:])):
			out.WriteRune(r)
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case isHidden(r) && r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		case isHidden(r):
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			out.WriteString(text[:size])
		}
		text, before = text[size:], r
	}
	return out.String()
}

// zeroWidthJoiner joins several emoji into one, such as a family (Unicode TS51 §2.3). Anywhere else it is
// invisible.
const zeroWidthJoiner = '\u200d'

// isEmoji reports whether a character belongs to an emoji: symbols, modifiers and variation
// selectors.
func isEmoji(r rune) bool { return unicode.In(r, unicode.So, unicode.Sk, unicode.Variation_Selector) }

func firstRune(text string) rune {
	for _, r := range text {
		return r
	}
	return 0
}

func isHidden(r rune) bool {
	return r != '\n' && r != '\t' && r != ' ' && !unicode.IsPrint(r) && r != utf8.RuneError
}

// OneLine makes text visible and replaces its line breaks by spaces.
func OneLine(text string) string { return strings.Join(strings.Fields(Visible(text)), " ") }
