package changes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
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

// TestNothingIsDroppedWithoutAWord puts empty files before a script, as somebody does who wants it
// approved unseen, and more long files than there is room for.
func TestNothingIsDroppedWithoutAWord(t *testing.T) {
	t.Parallel()
	empty, script := "", "echo own3d\n"
	var files []onboarding.FileChange
	for i := range 9 {
		files = append(files, onboarding.FileChange{Path: fmt.Sprintf("d/a%d.txt", i), Mode: "100644", After: &empty})
	}
	files = append(files, onboarding.FileChange{Path: "d/deploy.sh", Mode: "100755", After: &script})
	shown, hidden := excerptOf(files)
	for _, want := range []string{"deploy.sh (new, +1), executable", "+echo own3d", "… and 1 more: a8.txt (new, +0)"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not shown:\n%s", want, shown)
		}
	}
	if hidden != 1 {
		t.Errorf("%d lines are hidden, want the name of one file", hidden)
	}

	long, names := strings.Repeat("x\n", 100), 0
	files = nil
	for i := range 30 {
		files = append(files, onboarding.FileChange{Path: fmt.Sprintf("d/f%02d.txt", i), Mode: "100644", After: &long})
	}
	shown, hidden = excerptOf(files)
	for i := range 30 {
		if strings.Contains(shown, fmt.Sprintf("f%02d.txt", i)) {
			names++
		}
	}
	if lines := 30 * 101; names < 20 || hidden < lines-Roomy.lines {
		t.Errorf("%d files are named and %d of %d lines counted:\n%s", names, hidden, lines, shown)
	}
}

func excerptOf(files []onboarding.FileChange) (string, int) {
	parts, hidden := Excerpt(PartsOf(onboarding.Change{Items: []onboarding.Item{
		{Commit: &onboarding.Commit{Folder: "d", Subject: "s", Files: files}}}}), Roomy)
	var text strings.Builder
	for _, part := range parts {
		text.WriteString(part.Head + "\n" + part.Body + "\n")
	}
	return text.String(), hidden
}
