// Package render shows Block Kit to people: as plain text for terminals, and as HTML that looks
// like Slack. It takes blocks that were checked before; what it does not know it names in
// brackets and never fails. It holds no state and knows no workspace.
package render

import (
	"encoding/json"
	"strings"

	"golang.org/x/text/width"
)

// Names are displayed names by user, channel and group id.
type Names map[string]string

func (n Names) of(id string) string {
	if s := n[id]; s != "" {
		return s
	}
	return id
}

func object(v any) map[string]any { m, _ := v.(map[string]any); return m }
func array(v any) []any           { a, _ := v.([]any); return a }
func word(v any) string           { s, _ := v.(string); return s }

// integer reads a number of blocks that were checked; missing is what it is if there is none.
func integer(v any, missing int) int {
	n, ok := v.(json.Number)
	if !ok {
		return missing
	}
	i, _ := n.Int64()
	return int(i)
}

// textOf reads a text object: mrkdwn as it is written, and plain text as people see it, without
// entities.
func textOf(v any) (text string, mrkdwn bool) {
	m := object(v)
	if m["type"] == "mrkdwn" {
		return word(m["text"]), true
	}
	return entities.Replace(word(m["text"])), false
}

// decode reads blocks leniently: what is not JSON shows as nothing.
func decode(blocks []byte) []any {
	dec := json.NewDecoder(strings.NewReader(string(blocks)))
	dec.UseNumber()
	var all []any
	if dec.Decode(&all) != nil {
		return nil
	}
	return all
}

// columns counts the terminal cells that a string takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		n += cells(r)
	}
	return n
}

func cells(r rune) int {
	switch {
	case r == 0x200d || r >= 0xfe00 && r <= 0xfe0f || r >= 0x300 && r <= 0x36f:
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide || width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// wrap breaks text at spaces so that no line takes more than max cells; longer words are cut.
// Lines of the text stay lines.
func wrap(text string, max int) []string {
	max = atLeast(max, 4)
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		if columns(line) <= max { // As it is: code has its own spaces.
			all = append(all, strings.TrimRight(line, " "))
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
		if len(indent) > max/2 {
			indent = ""
		}
		current, used := indent, len(indent)
		for i, w := range strings.Fields(line) {
			if i > 0 && used+1+columns(w) <= max {
				current += " " + w
				used += 1 + columns(w)
				continue
			}
			if i > 0 {
				all = append(all, current)
				current, used = indent, len(indent)
			}
			for used+columns(w) > max {
				head, tail := cut(w, max-used)
				all = append(all, current+head)
				current, used, w = indent, len(indent), tail
			}
			current += w
			used += columns(w)
		}
		all = append(all, strings.TrimRight(current, " "))
	}
	return all
}

// cut splits a string after max cells, but takes at least one rune.
func cut(s string, max int) (head, tail string) {
	used := 0
	for i, r := range s {
		if used+cells(r) > max && i > 0 {
			return s[:i], s[i:]
		}
		used += cells(r)
	}
	return s, ""
}

func atLeast(n, least int) int {
	if n < least {
		return least
	}
	return n
}

func pad(s string, to int, right bool) string {
	space := strings.Repeat(" ", atLeast(to-columns(s), 0))
	if right {
		return space + s
	}
	return s + space
}

func indent(lines []string, first, rest string) []string {
	all := make([]string, len(lines))
	for i, l := range lines {
		if i == 0 {
			all[i] = strings.TrimRight(first+l, " ")
		} else {
			all[i] = strings.TrimRight(rest+l, " ")
		}
	}
	return all
}
