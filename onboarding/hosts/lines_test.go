package hosts

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// split feeds output in pieces and returns the lines.
func split(pieces ...string) []string {
	var lines []string
	w := &lineWriter{to: func(line Line) { lines = append(lines, line.Text) }}
	for _, piece := range pieces {
		_, _ = w.Write([]byte(piece))
	}
	w.end()
	return lines
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", MaxLine)
	for _, test := range []struct {
		name   string
		pieces []string
		want   []string
	}{
		{"nothing", nil, nil},
		{"one", []string{"a\n"}, []string{"a"}},
		{"no newline at the end", []string{"a\nb"}, []string{"a", "b"}},
		{"in pieces", []string{"a", "b\nc", "\n", "\n"}, []string{"ab", "c", ""}},
		{"CRLF in pieces", []string{"a\r", "\nb\r\n"}, []string{"a", "b"}},
		{"progress", []string{"10%\r20%\r100%\n"}, []string{"10%", "20%", "100%"}},
		{"colours", []string{"\x1b[1;31mred\x1b[0m\x1b(B done\n"}, []string{"red done"}},
		{"title and link", []string{"\x1b]0;title\aa\x1b]8;;http://x\x1b\\b\n"}, []string{"ab"}},
		{"escape at the end", []string{"a\x1b\nb\x1b[31"}, []string{"a", "b"}},
		{"escape that swallows nothing else", []string{"a\x1b[é\n"}, []string{"aé"}},
		{"control characters", []string{"a\x00b\x07\x7f\u0085c\td\n"}, []string{"a\uFFFDb\uFFFD\uFFFD\uFFFDc\td"}},
		{"direction overrides", []string{"a\u202eb\u2066c\u2028d\n"}, []string{"a\uFFFDb\uFFFDc\uFFFDd"}},
		{"emoji", []string{"👩‍🚒 ok\n"}, []string{"👩‍🚒 ok"}},
		{"invalid UTF-8", []string{"a\xff\xc3\n"}, []string{"a\uFFFD\uFFFD"}},
		{"overlong", []string{long, "more\nnext\n"}, []string{long[:MaxLine-4] + "…", "next"}},
		{"replacements that grow the line", []string{strings.Repeat("\x01", MaxLine) + "\n"},
			[]string{strings.Repeat("\uFFFD", MaxLine/3-1) + "…"}},
	} {
		if got := split(test.pieces...); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("a\x1b[31mb\r\nc\xffd\u202e", 3)
	f.Add("\x1b]0;\x1b\\\x1b(B", 1)
	f.Fuzz(func(t *testing.T, output string, at int) {
		if at < 0 || at > len(output) {
			at = 0
		}
		whole := split(output)
		if pieces := split(output[:at], output[at:]); !slices.Equal(whole, pieces) {
			t.Errorf("in pieces %q, whole %q", pieces, whole)
		}
		for _, line := range whole {
			if len(line) > MaxLine || !utf8.ValidString(line) || strings.ContainsAny(line, "\x00\x1b\r\n\u202e") {
				t.Errorf("%q", line)
			}
		}
	})
}

func TestTranscriptKeepsHeadAndTail(t *testing.T) {
	t.Parallel()
	told := 0
	seen := &transcript{onLine: func(Line) { told++ }}
	text := strings.Repeat("x", 1023)
	for range 1000 {
		seen.add(Line{Stdout, text})
	}
	result := seen.close()
	seen.add(Line{Stdout, "late"})
	if told != 1000 || len(result.Head) != 64 || len(result.Tail) != 192 || result.Omitted != 744 {
		t.Errorf("told %d, head %d, tail %d, omitted %d", told, len(result.Head), len(result.Tail), result.Omitted)
	}
	if got := result.Text(); !strings.Contains(got, "\n… 744 lines left out …\n") || len(got) > 257<<10 {
		t.Errorf("text of %d bytes", len(got))
	}
}
