package mrkdwn

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Visible shows what would not print, and what would make a line read as something that it is not (Unicode TR36 §2.3), as
// escapes. Line breaks and tabs stay. What an approver sees must be what would happen.
func Visible(text string) string {
	if strings.IndexFunc(text, hidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	var before rune
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == joiner && picture(before) && picture(first(text[size:])):
			out.WriteRune(r)
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case hidden(r) && r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		case hidden(r):
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			out.WriteString(text[:size])
		}
		text, before = text[size:], r
	}
	return out.String()
}

// joiner makes one picture of several, such as a family (Unicode TS51 §2.3). Anywhere else nobody sees it.
const joiner = '\u200d'

// picture reports what stands in emoji: symbols, and the modifiers and selectors behind them.
func picture(r rune) bool { return unicode.In(r, unicode.So, unicode.Sk, unicode.Variation_Selector) }

func first(text string) rune {
	for _, r := range text {
		return r
	}
	return 0
}

func hidden(r rune) bool {
	return r != '\n' && r != '\t' && r != ' ' && !unicode.IsPrint(r) && r != utf8.RuneError
}

// OneLine is visible text with its line breaks shown as spaces.
func OneLine(text string) string { return strings.Join(strings.Fields(Visible(text)), " ") }
