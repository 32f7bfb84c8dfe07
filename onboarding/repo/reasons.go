package repo

import (
	"regexp"
	"slices"
	"strings"
)

const (
	// keptLines is how many of the last lines of output are searched for reasons.
	keptLines = 400
	// maxReasons and maxReason bound what an error quotes, in lines and in bytes of one line. The
	// whole output goes to [Commit.Output].
	maxReasons = 8
	maxReason  = 240
	// lastReasons are the lines at the end that are quoted whatever they say.
	lastReasons = 3
)

// reason matches lines that say why git, a hook or a remote refused something. It only chooses
// what is quoted: git push(1) passes on what the remote says as "remote: …", and pre-commit ends
// the line of a check with "Failed".
var reason = regexp.MustCompile(`(?i)^remote:\s*\S|\b(error|fatal|fail(ed|ure)?|denied|refused|rejected|declined|` +
	`not allowed|must|invalid|missing|violat\w*)\b`)

// doubt matches lines that may say why, where none says so plainly: what commitlint and
// lint-staged mark, and warnings.
var doubt = regexp.MustCompile(`(?i)[✖✗✘❌]|\bwarn(ing)?\b`)

// reasons are the lines of an output that say why something failed, in their order: those that
// read like it, what follows the first of them, and the last lines. Where none does, the first
// lines are quoted, since checks begin with what they found.
func reasons(lines []string) string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.TrimSpace(line) == "" })
	chosen := make([]bool, len(lines))
	left := maxReasons
	choose := func(i int) {
		if i >= 0 && i < len(lines) && !chosen[i] && left > 0 {
			chosen[i], left = true, left-1
		}
	}
	for i := len(lines) - lastReasons; i < len(lines); i++ {
		choose(i)
	}
	for i, line := range lines {
		if reason.MatchString(line) {
			choose(i)
		}
	}
	for i, line := range lines {
		if doubt.MatchString(line) {
			choose(i)
		}
	}
	if !slices.ContainsFunc(lines[:max(0, len(lines)-lastReasons)], reason.MatchString) {
		for i := range lines {
			choose(i)
		}
	}
	for i, line := range lines { // what a check found stands below its name
		if reason.MatchString(line) {
			for after := i + 1; after < len(lines); after++ {
				choose(after)
			}
			break
		}
	}
	var quoted []string
	for i, line := range lines {
		if chosen[i] {
			line = strings.TrimSpace(line)
			if runes := []rune(line); len(runes) > maxReason {
				line = string(runes[:maxReason]) + "…"
			}
			quoted = append(quoted, line)
		}
	}
	return strings.Join(quoted, "; ")
}
