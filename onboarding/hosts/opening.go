package hosts

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
)

// openScript says on both outputs that a command begins, and becomes it: MARK COMMAND... What
// comes before is not the command's: a greeting in .bashrc, a banner of PAM, a warning of the login
// shell.
const openScript = `printf '%s\n' "$1"; printf '%s\n' "$1" >&2; shift; exec "$@"`

// maxGreeting bounds what is kept of an output before the command begins, in bytes.
const maxGreeting = 4 << 10

// newMark returns a line that nothing else prints.
func newMark() string { return fmt.Sprintf("onboardbot-begins-%016x", rand.Uint64()) }

// opening passes on an output from the line after its mark.
type opening struct {
	mark string // with its newline
	next io.Writer

	mu       sync.Mutex
	greeting []byte // what came before, the first bytes
	tail     []byte // the last bytes before the mark, in which it may begin
	open     bool
}

func newOpening(mark string, next io.Writer) *opening { return &opening{mark: mark + "\n", next: next} }

// Write takes a piece of output.
func (o *opening) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open {
		return o.next.Write(p)
	}
	seen := append(o.tail, p...)
	if at := bytes.Index(seen, []byte(o.mark)); at >= 0 {
		o.keep(seen[:at])
		o.open, o.tail = true, nil
		if rest := seen[at+len(o.mark):]; len(rest) > 0 {
			if _, err := o.next.Write(rest); err != nil {
				return 0, err
			}
		}
		return len(p), nil
	}
	cut := max(0, len(seen)-len(o.mark))
	o.keep(seen[:cut])
	o.tail = slices.Clone(seen[cut:])
	return len(p), nil
}

func (o *opening) keep(p []byte) {
	o.greeting = append(o.greeting, p[:min(len(p), maxGreeting-len(o.greeting))]...)
}

// opened reports whether the command began, and what came before.
func (o *opening) opened() (began bool, greeting string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open {
		o.keep(o.tail)
		o.tail = nil
	}
	return o.open, sentence(o.greeting)
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

// withoutLocale is this process's environment without its locale. ssh would send that to hosts that
// may not have it (SendEnv LC_*), and would itself report failures in another language.
func withoutLocale() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "LC_") || strings.HasPrefix(variable, "LANG")
	})
}
