package commands

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// room is how much of a change is shown. The rest is behind "Show all".
type room struct {
	lines, chars int
	// each is how many lines one part may take, so that a long file does not hide all others. It may also take what these need not.
	each int
}

var (
	// roomy is what a phone shows without much scrolling, for those who decide.
	roomy = room{lines: 50, chars: 3400, each: 22}
	// brief is for the record.
	brief = room{lines: 24, chars: 1500, each: 20}
	// glance is for many changes at once.
	glance = room{lines: 14, chars: 900, each: 8}
)

// excerpt returns the beginning of each part as far as there is room, and how many lines it left out.
func excerpt(parts []part, left room) (shown []part, hidden int) {
	for i, full := range parts {
		var body []string
		if full.body != "" {
			body = strings.Split(full.body, "\n")
		}
		lines := min(left.lines, max(left.each, left.lines-needed(parts[i+1:], left.each)))
		if len(body) <= lines+3 && left.lines > 0 {
			// Hiding three lines takes as much room as showing them.
			lines = len(body)
		}
		var kept []string
		for _, line := range body[:min(lines, len(body))] {
			if left.chars -= utf8.RuneCountInString(line) + 1; left.chars < 0 {
				break
			}
			kept = append(kept, line)
		}
		left.lines = max(0, left.lines-len(kept)-1)
		cut := part{head: full.head, body: strings.Join(kept, "\n")}
		if more := len(body) - len(kept); more > 0 {
			hidden += more
			if len(kept) > 0 {
				cut.body += fmt.Sprintf("\n… %d more", more)
			}
		}
		shown = append(shown, cut)
	}
	return fold(shown), hidden
}

// needed is how many lines some parts take, none more than each.
func needed(parts []part, each int) int {
	lines := 0
	for _, part := range parts {
		lines += 1 + min(each, strings.Count(part.body, "\n")+1)
	}
	return lines
}

// maxHeads is how many parts without a body are named one by one.
const maxHeads = 8

// fold keeps a commit of very many files from filling the message with their names.
func fold(parts []part) []part {
	bare := 0
	for i, each := range parts {
		if each.body != "" {
			continue
		}
		if bare++; bare > maxHeads {
			return append(parts[:i:i], part{head: fmt.Sprintf("… and %d more", len(parts)-i)})
		}
	}
	return parts
}

const (
	// pageBlocks and blockChars keep one page of a change far below Slack's 100 blocks and 250 KB, escaped as JSON may be.
	pageBlocks = 20
	blockChars = 2800
)

// pages cuts a whole change into what one modal shows each, at line breaks where there are any.
func pages(parts []part) [][]part {
	var pieces []part
	for _, full := range parts {
		head := full.head
		for _, body := range chunks(full.body, blockChars) {
			pieces = append(pieces, part{head: head, body: body})
			head = ""
		}
	}
	var out [][]part
	for len(pieces) > pageBlocks {
		out = append(out, pieces[:pageBlocks])
		pieces = pieces[pageBlocks:]
	}
	return append(out, pieces)
}

// chunks cuts text into pieces of at most limit characters, at line breaks, and within a line only when it alone is longer.
// Empty text is one empty piece.
func chunks(text string, limit int) []string {
	var out []string
	var piece strings.Builder
	room := limit
	flush := func() {
		out = append(out, strings.TrimSuffix(piece.String(), "\n"))
		piece.Reset()
		room = limit
	}
	for line := range strings.Lines(text) {
		runes := []rune(line)
		if len(runes) > room && piece.Len() > 0 {
			flush()
		}
		for len(runes) > limit {
			piece.WriteString(string(runes[:limit]))
			flush()
			runes = runes[limit:]
		}
		piece.WriteString(string(runes))
		room -= len(runes)
	}
	if piece.Len() > 0 || len(out) == 0 {
		flush()
	}
	return out
}
