package deployconfig

import (
	"fmt"
	"regexp"
	"strings"
)

// token is one argument of a directive: its value, and where it stands, quotes included.
type token struct {
	value      string
	start, end int
}

// directive is a name with arguments, and a block where it opens one.
type directive struct {
	args  []token // the name first
	block []directive
}

func (d directive) name() string { return d.args[0].value }

// values are the arguments without the name.
func (d directive) values() []string {
	values := make([]string, 0, len(d.args)-1)
	for _, arg := range d.args[1:] {
		values = append(values, arg.value)
	}
	return values
}

// configuration is a parsed nginx file.
type configuration struct {
	directives []directive
	comments   []string
}

// nginxParser reads as nginx does (ngx_conf_read_token in src/core/ngx_conf_file.c), so that it
// finds a directive exactly where nginx does: braces in variables, quotes within words and
// backslashes included.
type nginxParser struct {
	src      []byte
	pos      int
	comments []string
}

func parseNginx(src []byte) (configuration, error) {
	if err := text(src); err != nil {
		return configuration{}, err
	}
	p := &nginxParser{src: src}
	directives, err := p.block(0)
	return configuration{directives, p.comments}, err
}

func (p *nginxParser) fail(offset int, format string, args ...any) error {
	return fmt.Errorf("line %d: %s", lineOf(p.src, offset), fmt.Sprintf(format, args...))
}

// maxDepth is far beyond what any real configuration nests.
const maxDepth = 50

// block reads directives up to the closing brace, or to the end of the file at depth 0.
func (p *nginxParser) block(depth int) ([]directive, error) {
	if depth > maxDepth {
		return nil, p.fail(p.pos, "blocks nest too deep")
	}
	open := max(0, p.pos-1)
	var directives []directive
	for {
		args, end, err := p.words()
		switch {
		case err != nil:
			return nil, err
		case end == '}' && depth == 0:
			return nil, p.fail(p.pos-1, "unexpected }")
		case end == '}':
			return directives, nil
		case end == 0 && depth > 0:
			return nil, p.fail(open, "the block that begins here is not closed")
		case end == 0:
			return directives, nil
		}
		d := directive{args: args}
		if end == '{' {
			if d.block, err = p.block(depth + 1); err != nil {
				return nil, err
			}
			if d.block == nil {
				d.block = []directive{}
			}
		}
		directives = append(directives, d)
	}
}

// words reads one directive's words and what ended them: a semicolon, a brace, or 0 for the end of
// the file.
func (p *nginxParser) words() (words []token, end byte, err error) {
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; c {
		case ' ', '\t', '\r', '\n':
			p.pos++
		case '#':
			p.comment()
		case ';', '{':
			if len(words) == 0 {
				return nil, 0, p.fail(p.pos, "unexpected %c", c)
			}
			if found := placeholder.Find(p.src[p.pos:]); found != nil {
				return nil, 0, p.fail(p.pos, "put the value with %s in quotes: to nginx, { begins a block", found)
			}
			p.pos++
			return words, c, nil
		case '}':
			if len(words) > 0 {
				return nil, 0, p.fail(p.pos, "unexpected }: a semicolon is missing before it")
			}
			p.pos++
			return nil, c, nil
		case '"', '\'':
			word, err := p.quoted(c)
			if err != nil {
				return nil, 0, err
			}
			words = append(words, word)
		default:
			words = append(words, p.bare())
		}
	}
	if len(words) > 0 {
		return nil, 0, p.fail(words[0].start, "%q does not end in a semicolon", words[0].value)
	}
	return nil, 0, nil
}

// placeholder is one that a template has for a value, which no block can begin with.
var placeholder = regexp.MustCompile(`^\{[A-Za-z_][A-Za-z0-9_-]*\}`)

func (p *nginxParser) comment() {
	rest := string(p.src[p.pos:])
	line, _, _ := strings.Cut(rest, "\n")
	p.comments = append(p.comments, line)
	p.pos += len(line)
}

func (p *nginxParser) quoted(quote byte) (token, error) {
	start := p.pos
	for p.pos++; p.pos < len(p.src); p.pos++ {
		switch p.src[p.pos] {
		case '\\':
			p.pos++
		case quote:
			p.pos++
			word := token{unescape(string(p.src[start+1 : p.pos-1])), start, p.pos}
			if p.pos < len(p.src) && !strings.ContainsRune(" \t\r\n;{)", rune(p.src[p.pos])) {
				return token{}, p.fail(p.pos, "unexpected %q after a quoted value", p.src[p.pos])
			}
			return word, nil
		}
	}
	return token{}, p.fail(start, "the quote that begins here is not closed")
}

func (p *nginxParser) bare() token {
	start, variable := p.pos, false
	for ; p.pos < len(p.src); p.pos++ {
		c := p.src[p.pos]
		if c == '{' && variable {
			continue
		}
		variable = c == '$'
		if c == '\\' {
			p.pos++
			continue
		}
		if p.pos > start && strings.IndexByte(" \t\r\n;{", c) >= 0 {
			break
		}
	}
	p.pos = min(p.pos, len(p.src))
	return token{unescape(string(p.src[start:p.pos])), start, p.pos}
}

// unescape undoes the backslashes that nginx undoes; it keeps any other.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if replacement, found := nginxEscapes[s[i+1]]; found {
				b.WriteByte(replacement)
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var nginxEscapes = map[byte]byte{'"': '"', '\'': '\'', '\\': '\\', 't': '\t', 'r': '\r', 'n': '\n'}
