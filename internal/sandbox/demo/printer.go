package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// columns is the width of the demo's output.
const columns = 96

// printer prints what happens. It is safe for concurrent use.
type printer struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
	told  map[string]bool // the first lines of printed messages
}

func newPrinter(out io.Writer) *printer {
	return &printer{out: out, began: time.Now(), told: map[string]bool{}}
}

func (t *printer) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%6.1fs  %s\n", time.Since(t.began).Seconds(), fmt.Sprintf(format, args...))
}

func (t *printer) note(text string)     { t.line("── %s", text) }
func (t *printer) does(who, did string) { t.line("▌ %s %s", who, did) }
func (t *printer) passed(what string)   { t.line("✔ %s", what) }

// block prints a text unchanged and indented.
func (t *printer) block(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		fmt.Fprint(t.out, "         │ ", line)
	}
}

// follow prints a run's thread as it grows: new messages in full, and of changed messages the new
// lines.
func (t *printer) follow(ctx context.Context, reader *workspace.Person, root workspace.Message) {
	known := map[string]string{}
	for {
		var changed []workspace.Message
		names := map[string]string{}
		_, err := reader.WaitFor(ctx, func(screen workspace.Screen) bool {
			changed, names = nil, screen.Names
			for _, m := range testbed.Thread(screen, root) {
				if m.Said(columns, names) != known[m.TS] {
					changed = append(changed, m)
				}
			}
			return len(changed) > 0
		})
		if err != nil {
			return
		}
		for _, m := range changed {
			said := m.Said(columns, names)
			t.tell(m.TS == root.TS, known[m.TS], said)
			known[m.TS] = said
		}
	}
}

// tell prints a message that is new or has changed.
func (t *printer) tell(isRoot bool, before, now string) {
	switch {
	case before == "":
		t.line("#ops")
		t.block(now)
		t.mu.Lock()
		t.told[about(now)] = true
		t.mu.Unlock()
	case isRoot:
		// The head of the root message shows the run's state.
		head := strings.SplitN(now, "\n", 6)
		t.line("↻ %s", strings.Join(strip(head[1:min(5, len(head))]), " · "))
	default:
		t.line("↻ %s", about(now))
		if fresh := news(before, strings.Replace(now, about(now), "", 1)); fresh != "" {
			t.block(fresh)
		}
	}
}

// about returns the first line of a message, without its sender.
func about(said string) string {
	_, text, _ := strings.Cut(said, "\n")
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

// waitFor waits up to half a second until a message is printed, to print its answer after it.
func (t *printer) waitFor(line string) {
	for range 50 {
		t.mu.Lock()
		told := t.told[line]
		t.mu.Unlock()
		if told {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// news returns the lines of a text that were not in it before.
func news(before, now string) string {
	old := map[string]bool{}
	for line := range strings.Lines(before) {
		old[strings.TrimSpace(line)] = true
	}
	var fresh []string
	for line := range strings.Lines(now) {
		if line = strings.TrimRight(line, "\n"); !old[strings.TrimSpace(line)] {
			fresh = append(fresh, line)
		}
	}
	return strings.Join(fresh, "\n")
}

func strip(lines []string) []string {
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return lines
}
