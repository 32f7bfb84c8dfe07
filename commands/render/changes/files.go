package changes

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
	"github.com/atlilith/onboardbot/onboarding/visible"
)

// commitParts shows a commit: its subject, then each file as a unified diff.
func commitParts(commit *onboarding.Commit) []mrkdwn.Part {
	head := fmt.Sprintf("A commit in %s, %s", commit.Folder, mrkdwn.Count(len(commit.Files), "file"))
	if commit.Rebase {
		head += ", on top of what others pushed, which the work tree pulls first"
	}
	parts := []mrkdwn.Part{{Head: head, Body: visible.Exact(commit.Subject)}}
	// A phone shows only the first files, so what somebody chose for this site comes first, and
	// documentation and files without content come last.
	files := slices.Clone(commit.Files)
	slices.SortStableFunc(files,
		func(a, b onboarding.FileChange) int { return rank(commit.Folder, a) - rank(commit.Folder, b) })
	for _, file := range files {
		parts = append(parts, filePart(commit.Folder, file))
	}
	for _, unpushed := range commit.Unpushed {
		parts = append(parts, unpushedParts(path.Dir(commit.Folder), unpushed)...)
	}
	return parts
}

// unpushedParts shows a commit that the push publishes too, with what it changes in the folder of
// all domains.
func unpushedParts(domains string, commit onboarding.UnpushedCommit) []mrkdwn.Part {
	short := commit.Commit[:min(12, len(commit.Commit))]
	body := visible.Exact(commit.Subject) + "\nRun: " + visible.Exact(commit.Run)
	if len(commit.Files) == 0 {
		body += "\nIts files are among those above."
	}
	parts := []mrkdwn.Part{{Head: "Pushed too: commit " + short + ", which the remote does not have yet", Body: body}}
	for _, file := range commit.Files {
		part := filePart(domains, file)
		part.Head = "In commit " + short + ": " + part.Head
		parts = append(parts, part)
	}
	return parts
}

func rank(folder string, file onboarding.FileChange) int {
	switch {
	case strings.HasPrefix(file.Path, path.Join(folder, brand.Folder)+"/"):
		return -1
	case file.Before == nil && file.After != nil && *file.After == "":
		return 2
	case strings.HasSuffix(file.Path, ".md"):
		return 1
	}
	return 0
}

func filePart(folder string, file onboarding.FileChange) mrkdwn.Part {
	head := strings.TrimPrefix(strings.TrimPrefix(file.Path, folder), "/")
	before, after, err := file.Contents()
	var body, unit string
	switch {
	case err != nil:
		body = "This content cannot be decoded: it is not base64 (RFC 4648 §4).\n"
	case isPicture(file):
		body, unit = pictureLines(before, after), ", picture"
	default:
		body = visible.Exact(unifiedDiff(before, after))
	}
	added, removed := 0, 0
	for line := range strings.Lines(body) {
		switch line[0] {
		case '+':
			added++
		case '-':
			removed++
		}
	}
	switch {
	case file.Before == nil:
		head += fmt.Sprintf(" (new%s, +%d)", unit, added)
	case file.After == nil:
		head += fmt.Sprintf(" (removed%s, -%d)", unit, removed)
	default:
		head += fmt.Sprintf(" (%s+%d -%d)", strings.TrimPrefix(unit+", ", ", "), added, removed)
	}
	switch file.Mode {
	case "100755":
		head += ", executable"
	case "120000":
		head += ", a symlink"
	}
	return mrkdwn.Part{Head: head, Body: body}
}

// pictures are the files whose bytes nobody reads, by their extensions. The content of any other
// file is shown, with its bytes that are no text as escapes.
var pictures = []string{".png", ".jpg", ".jpeg", ".webp", ".gif", ".ico"}

func isPicture(file onboarding.FileChange) bool {
	return file.Base64 && file.Mode == "100644" && slices.Contains(pictures, strings.ToLower(path.Ext(file.Path)))
}

// pictureLines tells two pictures apart by their digests.
func pictureLines(before, after []byte) string {
	if bytes.Equal(before, after) {
		return ""
	}
	line := func(mark string, content []byte) string {
		if content == nil {
			return ""
		}
		return fmt.Sprintf("%s %d bytes, SHA-256 %x\n", mark, len(content), sha256.Sum256(content))
	}
	return line("-", before) + line("+", after)
}

// unifiedDiff returns the hunks of a unified diff, without the lines that name the files.
func unifiedDiff(before, after []byte) string {
	diff := udiff.Unified("before", "after", string(before), string(after))
	if _, hunks, found := strings.Cut(diff, "+++ after\n"); found {
		return hunks
	}
	return diff
}
