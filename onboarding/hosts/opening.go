package hosts

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// openScript says on both outputs that a command begins, runs it, and says that it ended and with
// which status: MARK DIR COMMAND... What comes before is not the command's: a greeting in .bashrc,
// a banner of PAM, a warning of the login shell. Nor is what comes after, such as a farewell or
// the status of a forced command that has its own.
var openScript = `m=$1; shift; printf '%s begins\n' "$m"; printf '%s begins\n' "$m" >&2
` + runScript + `onboardbot "$@"; s=$?
printf '%s ends %s\n' "$m" $s; printf '%s ends %s\n' "$m" $s >&2; exit $s`

// maxGreeting bounds what is kept of an output before the command begins, in bytes.
const maxGreeting = 4 << 10

// newMark returns a word that nothing else prints.
func newMark() string { return fmt.Sprintf("onboardbot-%016x", rand.Uint64()) }

// opening passes on what an output has between the lines with its mark.
type opening struct {
	mark string
	next io.Writer
	// relayed says that another process still passes on output of the command when it has ended.
	relayed bool

	mu       sync.Mutex
	greeting []byte // what came before, the first bytes
	held     []byte // the last bytes, in which a mark may begin
	open     bool
	ended    bool
	code     int // the command's status, once it ended
}

func newOpening(mark string, next io.Writer, relayed bool) *opening {
	return &opening{mark: mark, next: next, relayed: relayed}
}

// Write takes a piece of output.
func (o *opening) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	seen := append(o.held, p...)
	o.held = nil
	for {
		at := bytes.Index(seen, []byte(o.mark))
		if at < 0 {
			break
		}
		end := bytes.IndexByte(seen[at:], '\n')
		if end < 0 {
			o.held = slices.Clone(seen[at:])
			return len(p), o.pass(seen[:at])
		}
		if err := o.pass(seen[:at]); err != nil {
			return 0, err
		}
		o.note(string(seen[at+len(o.mark) : at+end]))
		seen = seen[at+end+1:]
	}
	cut := len(seen) - o.beginning(seen)
	o.held = slices.Clone(seen[cut:])
	return len(p), o.pass(seen[:cut])
}

// beginning is how many of the last bytes may be the beginning of the mark.
func (o *opening) beginning(seen []byte) int {
	for n := min(len(o.mark)-1, len(seen)); n > 0; n-- {
		if strings.HasPrefix(o.mark, string(seen[len(seen)-n:])) {
			return n
		}
	}
	return 0
}

// note takes what a line says after the mark. A carriage return at its end means that a terminal
// stands between, which changes the bytes of an answer: the command does not count as begun.
func (o *opening) note(line string) {
	said := strings.Fields(line)
	switch {
	case strings.HasSuffix(line, "\r"):
	case len(said) == 1 && said[0] == "begins":
		o.open = true
	case len(said) == 2 && said[0] == "ends":
		if code, err := strconv.Atoi(said[1]); err == nil {
			o.ended, o.code = true, code
		}
	}
}

func (o *opening) pass(p []byte) error {
	switch {
	case !o.open:
		o.greeting = append(o.greeting, p[:min(len(p), maxGreeting-len(o.greeting))]...)
	case len(p) > 0 && (!o.ended || o.relayed):
		_, err := o.next.Write(p)
		return err
	}
	return nil
}

// flush passes on what was held back when no more output comes.
func (o *opening) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.pass(o.held) // as of any output of a command that ended
	o.held = nil
}

// opened reports whether the command began, and what came before.
func (o *opening) opened() (began bool, greeting string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.open, sentence(o.greeting)
}

// status is what the host said that the command ended with, if it said so.
func (o *opening) status() (code int, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.code, o.ended
}

// sentence is output on one line, safe to show.
func sentence(output []byte) string {
	var lines []string
	for line := range bytes.Lines(output) {
		if text := strings.TrimSpace(plain(bytes.TrimRight(line, "\r\n"))); text != "" {
			lines = append(lines, text)
		}
	}
	return strings.Join(lines, " / ")
}
