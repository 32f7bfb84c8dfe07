package hosts

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/internal/secret"
)

// Stream tells a command's two outputs apart.
type Stream int

// A command's outputs.
const (
	Stdout Stream = iota + 1
	Stderr
)

// Line is one line of a command's output, safe to show: valid UTF-8 without control characters,
// escape sequences or characters that turn the direction of text, without secrets (see
// [secret.Redact]), and at most MaxLine bytes long.
// A lone carriage return ends a line too, as progress bars use it.
type Line struct {
	Stream Stream
	Text   string
}

// Limits of what is kept of a command's output.
const (
	// MaxLine is the longest line in bytes; what is longer is cut and ends in an ellipsis.
	MaxLine  = 4 << 10
	keptHead = 64 << 10
	keptTail = 192 << 10
)

// Result is a command that exited with 0, or what was seen of one that did not.
type Result struct {
	Code     int           // exit status, -1 where it is not known
	Duration time.Duration // from the moment it began, its lock taken
	Head     []Line        // the first lines, about 64 KiB
	Omitted  int           // lines left out between Head and Tail
	Tail     []Line        // the last lines, about 192 KiB

	busy, fenced bool   // the host said that the lock is taken, or that a later holder was here
	owner        string // who has the lock
}

// Text is the kept output, one line each, with a note where lines were left out.
func (r Result) Text() string {
	var b strings.Builder
	for _, line := range r.Head {
		b.WriteString(line.Text + "\n")
	}
	if r.Omitted > 0 {
		fmt.Fprintf(&b, "… %d lines left out …\n", r.Omitted)
	}
	for _, line := range r.Tail {
		b.WriteString(line.Text + "\n")
	}
	return b.String()
}

// Last returns up to n of the last lines of a stream, or of both for stream 0.
func (r Result) Last(n int, stream Stream) []string {
	var texts []string
	for _, lines := range [][]Line{r.Head, r.Tail} {
		for _, line := range lines {
			if stream == 0 || line.Stream == stream {
				texts = append(texts, line.Text)
			}
		}
	}
	return texts[max(0, len(texts)-n):]
}

// transcript receives both outputs of a command, tells one observer at a time of each line, and
// keeps the first and last.
type transcript struct {
	mu       sync.Mutex
	onLine   func(Line)
	result   Result
	headSize int
	tailSize int
	closed   bool
}

func (t *transcript) add(line Line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if line.Stream == Stderr && t.takeVerdict(line.Text) {
		return
	}
	if t.headSize+len(line.Text) <= keptHead && len(t.result.Tail) == 0 {
		t.result.Head = append(t.result.Head, line)
		t.headSize += len(line.Text) + 1
	} else {
		t.result.Tail = append(t.result.Tail, line)
		t.tailSize += len(line.Text) + 1
		for t.tailSize > keptTail {
			t.tailSize -= len(t.result.Tail[0].Text) + 1
			t.result.Tail = t.result.Tail[1:]
			t.result.Omitted++
		}
	}
	if t.onLine != nil {
		t.onLine(line)
	}
}

// takeVerdict notes what the script around a command says instead of beginning it, and reports
// whether the line is such a verdict.
func (t *transcript) takeVerdict(line string) bool {
	owner, busy := strings.CutPrefix(line, busyText)
	switch {
	case busy && (owner == "" || strings.HasPrefix(owner, " by ")):
		t.result.busy, t.result.owner = true, strings.TrimPrefix(owner, " by ")
	case line == fencedText:
		t.result.fenced = true
	default:
		return false
	}
	return true
}

// close ends the transcript, so a command that is left running is no longer recorded, and returns
// what it holds.
func (t *transcript) close() Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return t.result
}

// lineWriter cuts one stream into lines. It never fails and holds no more than one line.
type lineWriter struct {
	stream  Stream
	to      func(Line)
	partial []byte
	cut     bool // the rest of an overlong line is being dropped
	cr      bool // the last byte was a carriage return, so a newline right after it ends no line
}

// Write takes a piece of output.
func (w *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if w.cr && p[0] == '\n' {
			p, w.cr = p[1:], false
			continue
		}
		end := bytes.IndexAny(p, "\r\n")
		if end < 0 {
			w.keep(p)
			w.cr = false
			break
		}
		w.keep(p[:end])
		w.cr = p[end] == '\r'
		w.flush()
		p = p[end+1:]
	}
	return n, nil
}

func (w *lineWriter) keep(p []byte) {
	if room := MaxLine - len(w.partial); len(p) > room {
		p, w.cut = p[:room], true
	}
	w.partial = append(w.partial, p...)
}

func (w *lineWriter) flush() {
	text := secret.Redact(plain(w.partial))
	if w.cut {
		text = shorten(text, MaxLine)
	}
	w.to(Line{w.stream, text})
	w.partial, w.cut = w.partial[:0], false
}

// end delivers a last line that has no newline.
func (w *lineWriter) end() {
	if len(w.partial) > 0 {
		w.flush()
	}
}

// shorten cuts text at a rune so that it ends in an ellipsis and has at most limit bytes.
func shorten(text string, limit int) string {
	const mark = "…"
	end := min(len(text), limit-len(mark))
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// plain makes a line of output safe to show. Escape sequences (ECMA-48: CSI, OSC and the two-byte
// ones) go, invalid UTF-8 and what else cannot be seen becomes U+FFFD, tabs stay.
func plain(raw []byte) string {
	var b strings.Builder
	for len(raw) > 0 {
		if raw[0] == 0x1b {
			raw = raw[escapeLen(raw):]
			continue
		}
		r, size := utf8.DecodeRune(raw)
		raw = raw[size:]
		switch {
		case r == '\t' || unicode.IsPrint(r) || unicode.Is(unicode.Zs, r):
			b.WriteRune(r)
		// joiners within words and emoji
		case r == '\u200c' || r == '\u200d' || unicode.Is(unicode.Variation_Selector, r):
			b.WriteRune(r)
		default:
			b.WriteRune(utf8.RuneError)
		}
	}
	// A cut or replaced byte may have grown the text: U+FFFD has three bytes.
	if text := b.String(); len(text) > MaxLine {
		return shorten(text, MaxLine)
	}
	return b.String()
}

// escapeLen is the length of the escape sequence at the start of raw, complete or not.
func escapeLen(raw []byte) int {
	if len(raw) < 2 {
		return len(raw)
	}
	switch raw[1] {
	case '[': // CSI: parameters and intermediates up to a final byte
		for i := 2; i < len(raw); i++ {
			if raw[i] >= 0x40 && raw[i] <= 0x7e {
				return i + 1
			}
			if raw[i] < 0x20 || raw[i] > 0x7e {
				return i
			}
		}
		return len(raw)
	case ']', 'P', 'X', '^', '_': // OSC, DCS, SOS, PM, APC: up to BEL or ST
		for i := 2; i < len(raw); i++ {
			if raw[i] == 0x07 {
				return i + 1
			}
			if raw[i] == 0x1b {
				if i+1 < len(raw) && raw[i+1] == '\\' {
					return i + 2
				}
				return i
			}
		}
		return len(raw)
	}
	end := 1
	for end < len(raw) && raw[end] >= 0x20 && raw[end] <= 0x2f { // intermediates, such as ESC ( B
		end++
	}
	if end < len(raw) && raw[end] >= 0x30 && raw[end] <= 0x7e {
		end++
	}
	return end
}

func lastLine(text string) string {
	text = strings.TrimRight(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}
