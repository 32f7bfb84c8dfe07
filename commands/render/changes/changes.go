// Package changes shows what a change would do, as text: the parts of a change, excerpts of them,
// and pages.
package changes

import (
	"fmt"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/aymanbagabas/go-udiff"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// PartsOf shows a change to people: everything that the digest covers and that can matter to an
// approver.
func PartsOf(change onboarding.Change) []mrkdwn.Part {
	var parts []mrkdwn.Part
	for _, item := range change.Items {
		switch {
		case item.SQL != nil:
			parts = append(parts, sqlPart(item.SQL))
		case item.DNS != nil:
			parts = append(parts, dnsPart(item.DNS))
		case item.Command != nil:
			parts = append(parts, commandPart(item.Command))
		case item.Commit != nil:
			parts = append(parts, commitParts(item.Commit)...)
		case item.Probe != nil:
			parts = append(parts, probePart(item.Probe))
		}
	}
	for i := range parts {
		parts[i].Head, parts[i].Body = mrkdwn.OneLine(parts[i].Head),
			strings.TrimRight(mrkdwn.Visible(parts[i].Body), "\n")
	}
	return parts
}

// FullText is a whole change as a text file.
func FullText(change onboarding.Change) string {
	var out strings.Builder
	out.WriteString(mrkdwn.OneLine(change.Summary) + "\n")
	for _, part := range PartsOf(change) {
		out.WriteString("\n== " + part.Head + "\n")
		if part.Body != "" {
			out.WriteString(part.Body + "\n")
		}
	}
	return out.String()
}

func sqlPart(transaction *onboarding.Transaction) mrkdwn.Part {
	head := "On the platform's database"
	if count := len(transaction.Statements); count > 1 {
		head = fmt.Sprintf("%s, %d statements in one transaction", head, count)
	}
	var body strings.Builder
	for i, statement := range transaction.Statements {
		if i > 0 {
			body.WriteString("\n")
		}
		body.WriteString(strings.TrimSpace(statement.SQL) + "\n")
		for n, value := range statement.Args {
			fmt.Fprintf(&body, "  %-3s %s\n", fmt.Sprintf("$%d", n+1), sqlLiteral(value))
		}
	}
	return mrkdwn.Part{Head: head, Body: body.String()}
}

// sqlLiteral writes a bound value as an SQL string (PostgreSQL, 4.1.2.1 String Constants). Line
// breaks are escaped, since one would look like the end of the value.
func sqlLiteral(value string) string {
	return "'" + strings.NewReplacer("'", "''", "\n", `\n`, "\t", `\t`).Replace(value) + "'"
}

func dnsPart(update *onboarding.ZoneUpdate) mrkdwn.Part {
	var body strings.Builder
	for _, set := range update.Sets {
		fmt.Fprintf(&body, "%s %s, TTL %d\n", set.Name, set.Type, set.TTL)
		if len(set.Before) == 0 {
			body.WriteString("  (nothing there yet)\n")
		}
		body.WriteString(diffLines(set.Before, set.After))
	}
	return mrkdwn.Part{Head: "In the zone " + update.Zone + ", all at once", Body: body.String()}
}

// diffLines lists the values that are removed (-), stay, or are added (+).
func diffLines(before, after []string) string {
	var out strings.Builder
	is := func(list []string, value string) bool {
		for _, each := range list {
			if each == value {
				return true
			}
		}
		return false
	}
	for _, value := range before {
		mark := "- "
		if is(after, value) {
			mark = "  "
		}
		out.WriteString("  " + mark + value + "\n")
	}
	for _, value := range after {
		if !is(before, value) {
			out.WriteString("  + " + value + "\n")
		}
	}
	return out.String()
}

func commandPart(command *onboarding.Command) mrkdwn.Part {
	head := "On " + command.Host
	if command.Dir != "" {
		head += " in " + command.Dir
	}
	if command.Lock != "" {
		head += ", while holding the " + command.Lock + " lock"
	}
	if command.Always {
		head += ", even if an earlier item fails"
	}
	body := shellescape.QuoteCommand(command.Argv)
	if command.Stdin != "" {
		end := "END"
		for strings.Contains(command.Stdin, end) {
			end += "_"
		}
		body += " <<'" + end + "'\n" + strings.TrimSuffix(command.Stdin, "\n") + "\n" + end
	}
	return mrkdwn.Part{Head: head, Body: body}
}

// commitParts shows a commit: its subject, then each file as a unified diff.
func commitParts(commit *onboarding.Commit) []mrkdwn.Part {
	count := fmt.Sprintf("%d files", len(commit.Files))
	if len(commit.Files) == 1 {
		count = "1 file"
	}
	head := fmt.Sprintf("A commit in %s, %s", commit.Folder, count)
	if commit.Rebase {
		head += ", on top of what others pushed, which the work tree gets too"
	}
	parts := []mrkdwn.Part{{Head: head, Body: commit.Subject}}
	// Documentation comes last: a phone shows only the first files.
	files := slices.Clone(commit.Files)
	slices.SortStableFunc(files,
		func(a, b onboarding.FileChange) int { return documentationRank(a.Path) - documentationRank(b.Path) })
	for _, file := range files {
		parts = append(parts, filePart(commit.Folder, file))
	}
	return parts
}

func documentationRank(path string) int {
	if strings.HasSuffix(path, ".md") {
		return 1
	}
	return 0
}

func filePart(folder string, file onboarding.FileChange) mrkdwn.Part {
	diff := unifiedDiff(file.Before, file.After)
	added, removed := 0, 0
	for line := range strings.Lines(diff) {
		switch line[0] {
		case '+':
			added++
		case '-':
			removed++
		}
	}
	head := strings.TrimPrefix(strings.TrimPrefix(file.Path, folder), "/")
	switch {
	case file.Before == nil:
		head += fmt.Sprintf(" (new, +%d)", added)
	case file.After == nil:
		head += fmt.Sprintf(" (removed, -%d)", removed)
	default:
		head += fmt.Sprintf(" (+%d -%d)", added, removed)
	}
	switch file.Mode {
	case "100755":
		head += ", executable"
	case "120000":
		head += ", a symlink"
	}
	return mrkdwn.Part{Head: head, Body: diff}
}

// unifiedDiff returns the hunks of a unified diff, without the lines that name the files.
func unifiedDiff(before, after *string) string {
	text := func(content *string) string {
		if content == nil {
			return ""
		}
		return *content
	}
	diff := udiff.Unified("before", "after", text(before), text(after))
	if _, hunks, found := strings.Cut(diff, "+++ after\n"); found {
		return hunks
	}
	return diff
}

func probePart(probe *onboarding.Probe) mrkdwn.Part {
	var body strings.Builder
	for _, name := range probe.Names {
		fmt.Fprintf(&body, "http://%s%s\n", name, probe.Path)
	}
	fmt.Fprintf(&body, "  at    %s\n  text  %s\n", strings.Join(probe.Addresses, ", "), strings.TrimSpace(probe.Body))
	return mrkdwn.Part{Head: "Continues only if each URL returns this text:", Body: body.String()}
}
