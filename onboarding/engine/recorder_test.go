package engine

import (
	"strings"
	"testing"
)

// What is written while an attempt runs is bounded, and has its beginning and its last lines.
func TestRecorderUpTo(t *testing.T) {
	t.Parallel()
	r := newRecorder()
	for range 100 {
		r.Line("é" + strings.Repeat("x", 98))
	}
	r.Line("the end")
	if all := r.all(); strings.Count(all, "\n") != 101 || r.upTo(maxProgress) != all {
		t.Errorf("%d bytes", len(all))
	}
	short := r.upTo(1001)
	if len(short) > 1001+tailLines*110 || !strings.HasPrefix(short, "éx") || !strings.HasSuffix(short, "\nthe end\n") {
		t.Errorf("%q", short)
	}
}
