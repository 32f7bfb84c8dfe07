package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/stage"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// terminal is how wide the demo writes.
const terminal = 96

// teller writes what happens, in the order in which it does. It is safe for concurrent use.
type teller struct {
	mu    sync.Mutex
	out   io.Writer
	began time.Time
	told  map[string]bool // what messages were about, by their first lines
}

func newTeller(out io.Writer) *teller {
	return &teller{out: out, began: time.Now(), told: map[string]bool{}}
}

func (t *teller) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%6.1fs  %s\n", time.Since(t.began).Seconds(), fmt.Sprintf(format, args...))
}

func (t *teller) aside(text string)    { t.line("── %s", text) }
func (t *teller) does(who, did string) { t.line("▌ %s %s", who, did) }
func (t *teller) good(what string)     { t.line("✔ %s", what) }

// shows writes a text as it stands, set in.
func (t *teller) shows(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for line := range strings.Lines(strings.TrimRight(text, "\n") + "\n") {
		fmt.Fprint(t.out, "         │ ", line)
	}
}

// follow writes a run's thread as somebody sees it grow: new messages in full, of changed ones the
// lines that are new.
func (t *teller) follow(ctx context.Context, reader *workspace.Person, root workspace.Message) {
	known := map[string]string{}
	for {
		var changed []workspace.Message
		names := map[string]string{}
		_, err := reader.WaitFor(ctx, func(screen workspace.Screen) bool {
			changed, names = nil, screen.Names
			for _, m := range stage.Thread(screen, root) {
				if m.Said(terminal, names) != known[m.TS] {
					changed = append(changed, m)
				}
			}
			return len(changed) > 0
		})
		if err != nil {
			return
		}
		for _, m := range changed {
			said := m.Said(terminal, names)
			t.tell(m.TS == root.TS, known[m.TS], said)
			known[m.TS] = said
		}
	}
}

// tell writes one message that is new or has changed.
func (t *teller) tell(isRoot bool, before, now string) {
	switch {
	case before == "":
		t.line("#ops")
		t.shows(now)
		t.mu.Lock()
		t.told[about(now)] = true
		t.mu.Unlock()
	case isRoot:
		// The run's state at a glance: its head is enough.
		head := strings.SplitN(now, "\n", 6)
		t.line("↻ %s", strings.Join(strip(head[1:min(5, len(head))]), " · "))
	default:
		t.line("↻ %s", about(now))
		if fresh := news(before, strings.Replace(now, about(now), "", 1)); fresh != "" {
			t.shows(fresh)
		}
	}
}

// about is the first line of a message, below who says it.
func about(said string) string {
	_, text, _ := strings.Cut(said, "\n")
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}

// hears waits until a message was told, so that nobody answers before it, or for a moment.
func (t *teller) hears(line string) {
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

// news are the lines of a text that were not in it before.
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
