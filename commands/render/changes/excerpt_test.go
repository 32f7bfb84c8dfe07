package changes

import (
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
)

// TestExcerptShares gives a long part the lines that the other parts do not need, and no more.
func TestExcerptShares(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("x\n", 40))
	left := Room{lines: 44, chars: 1000, each: 22}
	for _, c := range []struct {
		parts  []mrkdwn.Part
		hidden int
	}{
		{[]mrkdwn.Part{{Body: "subject"}, {Body: long}}, 0},
		{[]mrkdwn.Part{{Body: long}, {Body: long}}, 37},
		{[]mrkdwn.Part{{Body: "subject"}, {Body: strings.Repeat("x\n", 60)}}, 19},
	} {
		if _, hidden := Excerpt(c.parts, left); hidden != c.hidden {
			t.Errorf("%d lines are hidden, want %d", hidden, c.hidden)
		}
	}
}
