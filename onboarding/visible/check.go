package visible

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Unseen returns the first character of a text that a person cannot see, and whether there is one.
// Joiners count only where they have no effect: between emoji, and within words of scripts that
// join letters with them (RFC 5892, appendix A.1 and A.2), they are part of the writing.
func Unseen(text string) (r rune, found bool) {
	runes := []rune(text)
	for i, r := range runes {
		before, after := at(runes, i-1), at(runes, i+1)
		switch {
		case joinsEmoji(before, r, after), joinsLetters(before, r):
		case r == '\n':
		case Hidden(r) || r == utf8.RuneError || tooManyMarks(runes[:i+1]):
			return r, true
		}
	}
	return 0, false
}

func joinsLetters(before, r rune) bool {
	if r != zeroWidthJoiner && r != zeroWidthNonJoiner {
		return false
	}
	return unicode.In(before, unicode.L, unicode.M) &&
		!unicode.In(before, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Common, unicode.Inherited)
}

// Disguised returns the first character of a name that is another form of a plain one, such as a
// mathematical letter, and the plain one (Unicode normal form KC, UAX 15). Halfwidth and fullwidth
// forms that keyboards of East Asia write count too.
func Disguised(name string) (r rune, plain string) {
	for _, r := range name {
		if plain := norm.NFKC.String(string(r)); unicode.IsLetter(r) && plain != string(r) {
			return r, plain
		}
	}
	return 0, ""
}

// Compose returns a text in Unicode's normal form C (UAX 15), so that the same letters are the
// same bytes however a keyboard wrote them.
func Compose(text string) string { return norm.NFC.String(text) }
