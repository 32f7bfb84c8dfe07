// Package visible tells which characters of a text people cannot see, or cannot tell from others,
// and writes text so that they can. Whoever approves a change must see exactly what would happen:
// two different texts never look the same, as far as this package can know.
package visible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// blank are characters that print as nothing, though Unicode counts them as letters or symbols and
// not as Default_Ignorable_Code_Point: Braille and Khitan blanks, an empty note, Egyptian gaps.
var blank = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x13441, Hi: 0x13446, Stride: 1}, {Lo: 0x16fe4, Hi: 0x16fe4, Stride: 1},
		{Lo: 0x1d159, Hi: 0x1d159, Stride: 1}},
}

// Hidden reports whether a character cannot be seen by itself: it does not print, it is ignored by
// default (Unicode DerivedCoreProperties), it is blank, or it reorders what stands beside it
// (Unicode TR36 §2.3). A plain space is not hidden.
func Hidden(r rune) bool {
	return r != ' ' && (!unicode.IsPrint(r) && r != utf8.RuneError ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, blank))
}

// Text escapes what cannot be seen or told apart. Line breaks and tabs stay. An escape is \x, \u
// or \U and hexadecimal digits. Applied again, it changes nothing.
func Text(text string) string { return escape(text, form{}) }

// Exact is [Text] for what must be read back: a backslash that would read as the beginning of an
// escape is written as \x5c.
func Exact(text string) string { return escape(text, form{exact: true}) }

// Line is [Exact] for what must stay on one line: line breaks and tabs are escaped too.
func Line(text string) string { return escape(text, form{exact: true, oneLine: true}) }

// form is how a text is written.
type form struct{ exact, oneLine bool }

func escape(text string, f form) string {
	if f.keeps(text) {
		return text
	}
	var out strings.Builder
	runes := []rune(text)
	mixed := mixedLetters(runes)
	for i, rest := 0, text; len(rest) > 0; i++ {
		r, size := utf8.DecodeRuneInString(rest)
		before, after := at(runes, i-1), at(runes, i+1)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&out, `\x%02x`, rest[0])
		case r == '\\' && f.beginsEscape(rest[1:]):
			out.WriteString(`\x5c`)
		case r == '\n' && f.oneLine:
			out.WriteString(`\n`)
		case r == '\t' && f.oneLine:
			out.WriteString(`\t`)
		case r == '\n' || r == '\t' || r < utf8.RuneSelf && !Hidden(r):
			out.WriteRune(r)
		case joinsEmoji(before, r, after):
			out.WriteRune(r)
		case Hidden(r) || mixed[i] || lookalike(before, r) || tooManyMarks(runes[:i+1]):
			writeEscape(&out, r)
		default:
			out.WriteRune(r)
		}
		rest = rest[size:]
	}
	return out.String()
}

// keeps is the shortcut for nearly all text: printable ASCII.
func (f form) keeps(text string) bool {
	for i := range len(text) {
		c := text[i]
		lines := !f.oneLine && (c == '\n' || c == '\t')
		if (c < ' ' || c > '~') && !lines || c == '\\' && f.beginsEscape(text[i+1:]) {
			return false
		}
	}
	return true
}

func writeEscape(out *strings.Builder, r rune) {
	if r < 0x10000 {
		fmt.Fprintf(out, `\u%04x`, r)
		return
	}
	fmt.Fprintf(out, `\U%08x`, r)
}

// beginsEscape reports whether a backslash before this text would read as an escape.
func (f form) beginsEscape(text string) bool {
	if f.oneLine && text != "" && strings.IndexByte("nt", text[0]) >= 0 {
		return true
	}
	return f.exact && len(text) > 1 && strings.IndexByte("xuU", text[0]) >= 0 &&
		strings.IndexByte("0123456789abcdefABCDEF", text[1]) >= 0
}

func at(runes []rune, i int) rune {
	if i < 0 || i >= len(runes) {
		return 0
	}
	return runes[i]
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
	emojiStyle         = '\ufe0f'
	keycap             = '\u20e3'
)

// joinsEmoji reports whether an invisible character has an effect that can be seen: it joins two
// emoji, or asks for the coloured form of one (Unicode TS51 §2).
func joinsEmoji(before, r, after rune) bool {
	switch r {
	case zeroWidthJoiner:
		return isEmoji(before) && isEmoji(after)
	case emojiStyle:
		return unicode.In(before, unicode.So, unicode.Sm) || after == keycap && before < utf8.RuneSelf
	case keycap:
		return before == emojiStyle
	}
	return false
}

func isEmoji(r rune) bool {
	return unicode.In(r, unicode.So, unicode.Sk, unicode.Sm) && !Hidden(r) || r == emojiStyle
}

// lookalike reports whether a character looks like another text with the same meaning, to which
// Unicode's normal form C would turn it (UAX 15): a precomposed letter, or another letter.
func lookalike(before, r rune) bool {
	if !unicode.Is(unicode.M, r) {
		return !norm.NFC.IsNormalString(string(r))
	}
	return before == 0 || !unicode.In(before, unicode.L, unicode.M, unicode.N) || unicode.Is(unicode.Me, r) ||
		!norm.NFC.IsNormalString(string([]rune{before, r}))
}

// tooManyMarks reports whether the last of the characters is one of a stack of marks, which would
// cover the lines above or below.
func tooManyMarks(runes []rune) bool {
	const most = 3
	marks := 0
	for i := len(runes) - 1; i >= 0 && unicode.Is(unicode.Mn, runes[i]); i-- {
		if marks++; marks > most {
			return true
		}
	}
	return false
}
