package engine

import (
	"strings"
	"sync"
	"time"
)

const (
	// progressInterval is how often people may see progress. Slack lets an app edit messages
	// about once a second (chat.update is Tier 3: 50 a minute and more, with bursts).
	progressInterval = 1500 * time.Millisecond
	progressTimeout  = 5 * time.Second
	tailLines        = 12
	// maxOutput bounds what is kept of one attempt, in bytes, and maxProgress what is written of
	// it again and again while it runs.
	maxOutput   = 4 << 20
	maxProgress = 128 << 10
)

// recorder keeps what an attempt prints. It is safe for concurrent use.
type recorder struct {
	mu    sync.Mutex
	text  strings.Builder
	tail  []string
	lines int
}

func newRecorder() *recorder { return &recorder{tail: []string{}} }

// Line takes one line of output.
func (r *recorder) Line(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines++
	switch {
	case r.text.Len()+len(text) < maxOutput:
		r.text.WriteString(text + "\n")
	case r.text.Len() < maxOutput:
		r.text.WriteString(strings.Repeat("…", maxOutput-r.text.Len()) + "\n")
	}
	r.tail = append(r.tail, text)
	if len(r.tail) > tailLines {
		r.tail = append(r.tail[:0:0], r.tail[len(r.tail)-tailLines:]...)
	}
}

// last returns the last lines and how many there were.
func (r *recorder) last() (tail []string, lines int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string{}, r.tail...), r.lines
}

// all returns everything that was printed.
func (r *recorder) all() string { return r.upTo(maxOutput) }

// upTo returns the beginning of what was printed, about so many bytes, and the last lines.
func (r *recorder) upTo(limit int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := r.text.String()
	if len(text) <= limit+len("…\n") {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…\n" + strings.Join(r.tail, "\n") + "\n"
}
