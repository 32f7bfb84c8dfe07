// Package changes shows what a change would do, as text: the parts of a change, excerpts of them,
// and pages.
package changes

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/visible"
)

// PartsOf shows a change to people: everything that the digest covers and that can matter to an
// approver. Each function below escapes what it shows, so nothing reads in two ways.
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
		parts[i].Head, parts[i].Body = visible.Line(parts[i].Head), wrap(strings.TrimRight(parts[i].Body, "\n"))
	}
	return parts
}

// Drift shows how a change differs from the one that was approved before.
func Drift(lines string) mrkdwn.Part {
	return mrkdwn.Part{Head: "What changed since the approval", Body: wrap(visible.Text(lines))}
}

// width is the longest line of a body, in characters.
const width = 120

// wrap breaks long lines with a mark at both sides of each break, since a line that breaks by
// itself could look like two: the second one like a line of a diff.
func wrap(body string) string {
	const end, begin = " ↩\n", "↪ "
	var out strings.Builder
	for line := range strings.Lines(body) {
		text, ended := strings.CutSuffix(line, "\n")
		runes := []rune(text)
		for len(runes) > width {
			cut := width - len([]rune(begin))
			out.WriteString(string(runes[:cut]) + end + begin)
			runes = runes[cut:]
		}
		out.WriteString(string(runes))
		if ended {
			out.WriteByte('\n')
		}
	}
	return out.String()
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
		body.WriteString(visible.Exact(strings.TrimSpace(statement.SQL)) + "\n")
		for n, value := range statement.Args {
			fmt.Fprintf(&body, "  %-3s %s%s\n", fmt.Sprintf("$%d", n+1), sqlLiteral(value), alphabets(value))
		}
	}
	return mrkdwn.Part{Head: head, Body: body.String()}
}

// sqlLiteral writes a bound value as an SQL string: as it is (PostgreSQL, 4.1.2.1 String
// Constants) or, where something in it must be escaped, with escapes (4.1.2.2). So \n is a line
// break only in E'\n'.
func sqlLiteral(value string) string {
	quoted := strings.ReplaceAll(value, "'", "''")
	if !strings.Contains(value, `\`) && visible.Line(value) == value {
		return "'" + quoted + "'"
	}
	return "E'" + strings.NewReplacer("\n", `\n`, "\t", `\t`).Replace(
		visible.Text(strings.ReplaceAll(quoted, `\`, `\\`))) + "'"
}

// alphabets names the scripts of a value other than Latin, as an SQL comment: letters of several
// look the same.
func alphabets(value string) string {
	if scripts := visible.Foreign(value); len(scripts) > 0 {
		return "  -- " + strings.Join(scripts, ", ")
	}
	return ""
}

func dnsPart(update *onboarding.ZoneUpdate) mrkdwn.Part {
	var body strings.Builder
	for _, set := range update.Sets {
		fmt.Fprintf(&body, "%s %s, TTL %d\n", visible.Line(set.Name), visible.Line(set.Type), set.TTL)
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
	for _, value := range before {
		mark := "- "
		if slices.Contains(after, value) {
			mark = "  "
		}
		out.WriteString("  " + mark + visible.Line(value) + "\n")
	}
	for _, value := range after {
		if !slices.Contains(before, value) {
			out.WriteString("  + " + visible.Line(value) + "\n")
		}
	}
	return out.String()
}

func commandPart(command *onboarding.Command) mrkdwn.Part {
	head := "On " + command.Host
	if command.Dir != "" {
		head += " in " + command.Dir
	}
	var locks []string
	for _, lock := range command.Locks() {
		name := "the " + lock.Name + " lock"
		if lock.Host != command.Host {
			name += " of " + lock.Host
		}
		locks = append(locks, name)
	}
	if len(locks) > 0 {
		head += ", while holding " + strings.Join(locks, " and ")
	}
	if command.Always {
		head += ", even if an earlier item fails"
	}
	body := commandLine(command.Argv)
	if command.Stdin != "" {
		end := "END"
		for strings.Contains(command.Stdin, end) {
			end += "_"
		}
		body += " <<'" + end + "'\n" + visible.Exact(strings.TrimSuffix(command.Stdin, "\n")) + "\n" + end
	}
	for i, source := range command.Sources {
		verb := "runs"
		if i == 0 {
			verb = "deploys"
		}
		body += fmt.Sprintf("\n# %s %s as it is committed: %s", verb, visible.Line(source.Path), short(source.Object))
		if source.Ignored != "" {
			body += ", and files in it that git ignores: " + short(source.Ignored)
		}
	}
	return mrkdwn.Part{Head: head, Body: body}
}

// short is the beginning of a hash, for people.
func short(hash string) string { return visible.Line(hash[:min(12, len(hash))]) }

// commandLine writes a command as a shell reads it. A long one goes on after a backslash, and an
// argument of several lines after "> ", as a shell shows it.
func commandLine(argv []string) string {
	const goesOn = " \\\n    "
	var out strings.Builder
	column := 0
	for i, arg := range argv {
		word := strings.ReplaceAll(visible.Exact(shellescape.Quote(arg)), "\n", "\n> ")
		length := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+length+len(goesOn) > width:
			out.WriteString(goesOn)
			column = len("    ")
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += length
	}
	return out.String()
}

func probePart(probe *onboarding.Probe) mrkdwn.Part {
	var body strings.Builder
	for _, name := range probe.Names {
		body.WriteString(visible.Line("http://"+name+probe.Path) + "\n")
	}
	fmt.Fprintf(&body, "  at    %s\n  text  %s\n", visible.Line(strings.Join(probe.Addresses, ", ")),
		visible.Line(strings.TrimSpace(probe.Body)))
	return mrkdwn.Part{Head: "Continues only if each URL returns this text:", Body: body.String()}
}
