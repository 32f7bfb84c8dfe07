package inputs

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxLine is how many characters a command may have. Slack itself sends fewer.
const MaxLine = 8000

// Line is what somebody typed after the command.
type Line struct {
	// Slug is the first word, empty if none was given.
	Slug string
	// Values are the inputs without their quotes. None is empty. The items of a list are separated
	// by commas, and a mode is person, owner or member.
	Values map[Key]string
}

// Problem is one thing that cannot be parsed, as a sentence for the person who typed it.
type Problem struct {
	// At is the position of the character in the line, 1 for the first.
	At   int
	Text string
}

// Error is the sentence with its position.
func (p Problem) Error() string { return fmt.Sprintf("At character %d: %s", p.At, p.Text) }

// Problems are all problems of a line, in its order.
type Problems []Problem

// Error has each problem on a line of its own.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Parse parses a line as Slack delivers it. The error is of type [Problems]; what could be parsed
// is returned beside it, so nobody has to type it again. Positions count the characters that the
// person saw, before Slack escaped them.
func Parse(text string) (Line, error) {
	p := &parser{line: Line{Values: map[Key]string{}}, seen: map[Key]int{}}
	text = strings.ToValidUTF8(unescape(text), "\ufffd")
	if n := utf8.RuneCountInString(text); n > MaxLine {
		return p.line, Problems{{At: MaxLine, Text: fmt.Sprintf(
			"A command has at most %d characters; this one has %d.", MaxLine, n)}}
	}
	p.lexer.text = []rune(text)
	for {
		p.lexer.spaces()
		if p.lexer.ended() {
			break
		}
		p.input()
	}
	if len(p.problems) > 0 {
		return p.line, p.problems
	}
	return p.line, nil
}

// parser reads inputs from left to right.
type parser struct {
	lexer    lexer
	line     Line
	seen     map[Key]int // where each key was given first
	last     Key         // the input before
	lost     bool        // after a problem: bare words that follow are part of it
	problems Problems
}

// complain adds a problem at an offset.
func (p *parser) complain(at int, format string, args ...any) {
	p.problems = append(p.problems, Problem{At: at + 1, Text: fmt.Sprintf(format, args...)})
}

// input reads a slug, or a key with its value.
func (p *parser) input() {
	start := p.lexer.at
	if p.lexer.family() != "" {
		value, err := p.lexer.value("")
		if err != nil {
			p.failed(err)
			return
		}
		p.bare(start, value)
		return
	}
	typed := p.lexer.word(equals)
	end := p.lexer.at
	apart := p.lexer.spaces()
	if !p.lexer.next(equals) {
		p.lexer.at = end
		p.bare(start, typed)
		return
	}
	p.lexer.at++
	if apart {
		p.lexer.spaces() // "mode = person", but "name= email=x" has an empty name
	}
	p.pair(start, typed)
}

// bare takes a word without a key. It is the slug if it comes first.
func (p *parser) bare(start int, word string) {
	if len(p.seen) == 0 && len(p.problems) == 0 {
		p.set(start, Slug, word)
		return
	}
	words := append([]string{word}, p.bareWords()...)
	if p.lost {
		return // these words are part of a problem that was reported already
	}
	p.lost = true
	value, known := p.line.Values[p.last]
	base, _ := p.last.Split()
	switch {
	case known && base.list():
		p.complain(start, "%q is not part of any value. If it belongs to %s, separate the items with commas: %s=%s.",
			shorten(word), p.last, p.last,
			quote(base, shorten(strings.Join(List(value+","+strings.Join(words, ",")), ","))))
	case known:
		p.complain(start, "%q is not part of any value. If it belongs to %s, put quotes around the whole value: %s=%s.",
			shorten(word), p.last, p.last, quote(base, shorten(value+" "+strings.Join(words, " "))))
	default:
		name, _, _ := strings.Cut(word, ":")
		if key, suggestion := readKey(name); key != "" || suggestion != "" {
			base, _ := cmp.Or(key, suggestion).Split()
			p.complain(start, "%s needs an equals sign, as in %s=%s.", shorten(word), cmp.Or(key, suggestion),
				quote(base, examples[base]))
			return
		}
		p.complain(start, "%q isn't a known key. Known keys: %s.", shorten(word), join(Keys))
	}
}

// bareWords reads the words up to the next key.
func (p *parser) bareWords() []string {
	var words []string
	for {
		start := p.lexer.at
		p.lexer.spaces()
		word := p.lexer.word(equals)
		end := p.lexer.at
		p.lexer.spaces()
		if word == "" || p.lexer.next(equals) {
			p.lexer.at = start
			return words
		}
		p.lexer.at = end
		words = append(words, word)
	}
}

// pair reads the value of a key.
func (p *parser) pair(start int, typed string) {
	key, suggestion := readKey(typed)
	base, _ := key.Split()
	var value string
	var err error
	if base.list() {
		var items []string
		items, err = p.lexer.list()
		value = strings.Join(items, ",")
	} else {
		value, err = p.lexer.value("")
	}
	if err != nil {
		p.failed(err)
		return
	}
	p.last, p.lost = key, false
	switch {
	case typed == "":
		p.complain(start, "The key before the equals sign is missing.")
	case key == "" && suggestion != "":
		p.complain(start, "%q isn't a known key. Did you mean %s?", shorten(typed), suggestion)
	case key == "":
		p.complain(start, "%q isn't a known key. Known keys: %s.", shorten(typed), join(Keys))
	default:
		p.set(start, key, value)
	}
}

// set stores the value of a key.
func (p *parser) set(start int, key Key, value string) {
	base, _ := key.Split()
	value = strings.TrimSpace(plainSpaces(value, base == Copy))
	if !base.prose() {
		value = plainDashes(value)
	}
	if before, given := p.seen[key]; given {
		p.complain(start, "%s is given twice, first at character %d.", key, before+1)
		return
	}
	p.seen[key], p.last = start, key
	switch {
	case value == "":
		p.complain(start, "%s has no value.", key)
	case base == Mail && strings.Contains(value, "@") && !strings.HasPrefix(strings.ToLower(value), "forward"):
		p.complain(start, "mail is the plan for a domain's mail. Did you mean email=%s or mail=forward:%s?",
			shorten(value), shorten(value))
	case key == Slug:
		p.line.Slug = value
	case key == Mode:
		mode, known := modes[strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(value), "-", "_"), " ", "_")]
		if !known {
			p.complain(start, "%s is not a mode. The modes are person, owner and member.", shorten(value))
			return
		}
		p.line.Values[Mode] = mode
	default:
		p.line.Values[key] = value
	}
}

// plainSpaces replaces the spaces of keyboards and word processors with plain ones, and with lines
// false also line ends.
func plainSpaces(text string, lines bool) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) && !(lines && r == '\n') {
			return ' '
		}
		return r
	}, text)
}

// failed records that a value could not be read.
func (p *parser) failed(err error) {
	p.last, p.lost = "", true
	var problem Problem
	if errors.As(err, &problem) {
		p.problems = append(p.problems, problem)
	}
}

// List returns the items of a value.
func List(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool {
		return unicode.IsSpace(r) ||
			strings.ContainsRune(separators, r)
	})
}

// For returns the value of a key for a domain: the domain's own, or else that for all domains.
func (l Line) For(key Key, domain string) string {
	if own, ok := l.Values[key.For(domain)]; ok {
		return own
	}
	return l.Values[key]
}

// String writes the line in a form that [Parse] parses to the same values, with the keys in the
// order of [Keys].
func (l Line) String() string {
	var words []string
	if l.Slug != "" {
		words = append(words, quote(Slug, l.Slug))
	}
	keys := slices.SortedFunc(maps.Keys(l.Values), func(a, b Key) int {
		baseA, domainA := a.Split()
		baseB, domainB := b.Split()
		if order := slices.Index(Keys, baseA) - slices.Index(Keys, baseB); order != 0 {
			return order
		}
		return strings.Compare(domainA, domainB)
	})
	for _, key := range keys {
		base, _ := key.Split()
		words = append(words, string(key)+"="+quote(base, l.Values[key]))
	}
	return escape.Replace(strings.Join(words, " "))
}

// escape escapes as Slack does.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
