package slacktest

import (
	"bytes"
	"strings"
	"sync"
)

// Log keeps what is written to it. It is safe for concurrent use.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *Log) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is everything that was written.
func (b *Log) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Contains reports whether a text was written.
func (b *Log) Contains(text string) bool { return strings.Contains(b.String(), text) }
