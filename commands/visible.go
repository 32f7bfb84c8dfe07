package commands

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible shows what would not print, and what would make a line read as something that it is not (Unicode TR36 §2.3), as
// escapes. Line breaks and tabs stay. What an approver sees must be what would happen.
func visible(text string) string {
	if strings.IndexFunc(text, hidden) < 0 && utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, text[0])
		case hidden(r) && r < 0x10000:
			fmt.Fprintf(&out, `\u%04x`, r)
		case hidden(r):
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			out.WriteString(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}

func hidden(r rune) bool {
	return r != '\n' && r != '\t' && r != ' ' && !unicode.IsPrint(r) && r != utf8.RuneError
}

// oneLine is visible text with its line breaks shown as spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(visible(text)), " ") }
