package onboarding

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"github.com/atlilith/onboardbot/onboarding/visible"
)

// Drift describes how a change differs from the one that was approved: the lines that went (-)
// and those that came (+).
func Drift(before, after Change) string {
	diff := udiff.Unified("approved", "now", before.lines(), after.lines())
	var lines []string
	for line := range strings.Lines(diff) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "---") || strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "@@") {
			continue
		}
		if strings.HasPrefix(line, "-") || strings.HasPrefix(line, "+") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// lines writes a change with one fact a line, for comparing.
func (c Change) lines() string {
	var out strings.Builder
	for _, item := range c.Items {
		switch {
		case item.SQL != nil:
			for _, statement := range item.SQL.Statements {
				out.WriteString(statement.SQL + "\n")
				for _, arg := range statement.Args {
					out.WriteString("  " + visible.Line(arg) + "\n")
				}
			}
		case item.DNS != nil:
			for _, set := range item.DNS.Sets {
				before, after := strings.Join(set.Before, ", "), strings.Join(set.After, ", ")
				line := fmt.Sprintf("%s %s from [%s] to [%s]", set.Name, set.Type, before, after)
				out.WriteString(visible.Line(line) + "\n")
			}
		case item.Command != nil:
			out.WriteString(item.Command.Host + ": " + visible.Line(strings.Join(item.Command.Argv, " ")) + "\n")
			for _, source := range item.Command.Sources {
				fmt.Fprintf(&out, "with %s %s %s\n", visible.Line(source.Path), source.Object, source.Ignored)
			}
		case item.Commit != nil:
			if item.Commit.Rebase {
				out.WriteString("on top of what others pushed\n")
			}
			for _, unpushed := range item.Commit.Unpushed {
				fmt.Fprintf(&out, "pushes commit %s too: %s\n", unpushed.Commit, visible.Line(unpushed.Subject))
			}
			for _, file := range item.Commit.Files {
				out.WriteString(file.Path + " " + file.Mode + "\n")
				before, after, err := file.Contents()
				if err == nil {
					out.WriteString(indent(before, "  was: ") + indent(after, "  to be: "))
				}
			}
		case item.Probe != nil:
			probe, err := json.Marshal(item.Probe)
			if err == nil {
				out.WriteString(string(probe) + "\n")
			}
		}
	}
	return out.String()
}

func indent(text []byte, prefix string) string {
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		out.WriteString(prefix + visible.Line(strings.TrimRight(line, "\n")) + "\n")
	}
	return out.String()
}
