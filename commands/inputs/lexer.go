package inputs

import (
	"fmt"
	"strings"
	"unicode"
)

// families are quotes of which each can close each: people open with one, and their keyboard
// closes with another.
var families = []string{"\"“”„‟＂", "«»", "'‘’‚‛", "‹›"}

const (
	apostrophes = "'‘’‚‛"
	separators  = ",;，；"
)

// lexer reads the characters of a line.
type lexer struct {
	text []rune
	at   int
}

func (l *lexer) ended() bool { return l.at >= len(l.text) }

// peek returns the character at an offset from the next one, or 0 outside the line.
func (l *lexer) peek(ahead int) rune {
	if i := l.at + ahead; i >= 0 && i < len(l.text) {
		return l.text[i]
	}
	return 0
}

// next reports whether the next character is one of a set.
func (l *lexer) next(set string) bool { return !l.ended() && strings.ContainsRune(set, l.peek(0)) }

// spaces skips white space and reports whether there was any.
func (l *lexer) spaces() bool {
	start := l.at
	for !l.ended() && unicode.IsSpace(l.peek(0)) {
		l.at++
	}
	return l.at > start
}

const equals = "=＝"

// word reads up to the next space, or to one of the characters that end a word.
func (l *lexer) word(ends string) string {
	start := l.at
	for !l.ended() && !unicode.IsSpace(l.peek(0)) && !l.next(ends) {
		l.at++
	}
	return string(l.text[start:l.at])
}

// bareWord reads a word without quotes, up to an equals sign.
func (l *lexer) bareWord() string {
	if l.family() != "" {
		return ""
	}
	return l.word(equals)
}

// family returns the quotes that can close the next character, or nothing if that is not a quote.
func (l *lexer) family() string {
	for _, family := range families {
		if l.next(family) {
			return family
		}
	}
	return ""
}

// value reads one value: a quoted text or a word.
func (l *lexer) value(ends string) (string, error) {
	if family := l.family(); family != "" {
		return l.quoted(family, ends)
	}
	return l.word(ends), nil
}

// quoted reads a quoted text. An apostrophe between two letters does not close it. After an error
// the next character is the one after what could not be parsed.
func (l *lexer) quoted(family, ends string) (string, error) {
	opening := l.at
	for l.at++; !l.ended(); l.at++ {
		if !l.next(family) {
			continue
		}
		behind := l.peek(1)
		switch {
		case behind == 0 || unicode.IsSpace(behind) || strings.ContainsRune(ends, behind):
			l.at++
			return string(l.text[opening+1 : l.at-1]), nil
		case l.next(apostrophes) && letter(l.peek(-1)) && letter(behind):
		default:
			problem := Problem{At: l.at + 1, Text: fmt.Sprintf(
				"The quote that opens at %d is closed here, but more text follows without a space. Use another kind "+
					"of quote inside a quoted text.", opening+1)}
			l.at++
			l.word("")
			return "", problem
		}
	}
	return "", Problem{At: opening + 1, Text: fmt.Sprintf("The quote %c is never closed.", l.text[opening])}
}

// list reads values that are separated by commas, with or without spaces around them.
func (l *lexer) list() ([]string, error) {
	var items []string
	for more := false; ; more = true {
		start := l.at
		item, err := l.value(separators)
		if err != nil {
			return nil, err
		}
		if more && strings.ContainsAny(item, equals) {
			l.at = start // the previous comma ended the list, and this is the next input
			return items, nil
		}
		items = append(items, List(item)...)
		end := l.at
		l.spaces()
		if !l.next(separators) {
			l.at = end
			return items, nil
		}
		for l.next(separators) || l.spaces() {
			if l.next(separators) {
				l.at++
			}
		}
	}
}

func letter(r rune) bool { return unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) }
