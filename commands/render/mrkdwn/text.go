package mrkdwn

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/bot/blockkit"
)

// Chunks cuts text into pieces of at most limit characters, at line breaks, and within a line
// only if the line is longer. Empty text is one empty piece.
func Chunks(text string, limit int) []string {
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

// JoinWithin joins as many whole lines as fit into limit characters, and says how many are left.
func JoinWithin(lines []string, limit int) string {
	const more = "\n… and %d more"
	room := limit - len(more)
	for i, line := range lines {
		if room -= len([]rune(line)) + 1; room < 0 {
			return strings.Join(lines[:i], "\n") + fmt.Sprintf(more, len(lines)-i)
		}
	}
	return strings.Join(lines, "\n")
}

// Count returns a number with its noun: "1 site", "2 sites".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// FirstFew joins the first three items and says how many are left.
func FirstFew(items []string, between string) string {
	const limit = 3
	if len(items) > limit {
		return strings.Join(items[:limit], between) + fmt.Sprintf("%sand %d more", between, len(items)-limit)
	}
	return strings.Join(items, between)
}

// Summary returns the beginning of an error or a reason, on one line.
func Summary(text string) string {
	const limit = 300
	return blockkit.Truncate(OneLine(text), limit)
}

// FirstLine returns the beginning of the first line of a text.
func FirstLine(text string) string {
	const limit = 140
	first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return blockkit.Truncate(strings.TrimSuffix(OneLine(first), ":"), limit)
}

// Or joins words as alternatives: "a, b or c".
func Or(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// Shorten returns the beginning of what somebody typed, made visible.
func Shorten(typed string) string {
	const limit = 40
	return blockkit.Truncate(Visible(typed), limit)
}
