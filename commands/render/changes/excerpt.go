package changes

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
)

// Room is how much of a change is shown. "Show all" shows the rest.
type Room struct {
	lines, chars int
	// each is how many lines one part may take, so a long file does not hide the others. A part
	// may also take lines that the others do not need.
	each int
}

var (
	// Roomy is for approvers: what a phone shows without much scrolling.
	Roomy = Room{lines: 50, chars: 3400, each: 22}
	// Brief is for changes that are decided.
	Brief = Room{lines: 24, chars: 1500, each: 20}
	// Glance is for many changes at once.
	Glance = Room{lines: 14, chars: 900, each: 8}
)

// Excerpt returns the beginning of each part as far as there is room, and how many lines it left
// out. Every part whose body is cut says by how much. Parts of which nothing but the head would be
// shown are listed by their heads, and from the ninth on they are counted and named in one line.
func Excerpt(parts []mrkdwn.Part, left Room) (shown []mrkdwn.Part, hidden int) {
	var bare, folded []string
	for i, full := range parts {
		var body []string
		if full.Body != "" {
			body = strings.Split(full.Body, "\n")
		}
		lines := min(left.lines, max(left.each, left.lines-linesNeeded(parts[i+1:], left.each)))
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
		cut := mrkdwn.Part{Head: full.Head, Body: strings.Join(kept, "\n")}
		more := len(body) - len(kept)
		hidden += more
		switch {
		case len(kept) > 0 && more > 0:
			cut.Body += fmt.Sprintf("\n… %d more", more)
		case more > 0:
			cut.Head += ": " + mrkdwn.Count(more, "line") + " not shown"
		}
		if len(kept) == 0 {
			if bare = append(bare, cut.Head); len(bare) > maxHeads {
				folded = append(folded, cut.Head)
				continue
			}
		}
		shown = append(shown, cut)
	}
	if len(folded) > 0 {
		hidden += len(folded)
		shown = append(shown, mrkdwn.Part{Head: fmt.Sprintf("… and %d more: %s", len(folded),
			mrkdwn.JoinWithin(folded, maxNames))})
	}
	return shown, hidden
}

// maxHeads is how many parts without a shown body are listed, and maxNames how many characters
// the names of the others take.
const (
	maxHeads = 8
	maxNames = 600
)

// linesNeeded is how many lines some parts take, each at most a number.
func linesNeeded(parts []mrkdwn.Part, each int) int {
	lines := 0
	for _, part := range parts {
		lines += 1 + min(each, strings.Count(part.Body, "\n")+1)
	}
	return lines
}
