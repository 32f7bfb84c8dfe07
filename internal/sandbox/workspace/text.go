package workspace

import (
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/render"
)

// Render shows what a message says as plain text, without its author, in lines of at most width
// cells.
func (m Message) Render(width int, names map[string]string) string {
	var parts []string
	switch {
	case m.Deleted:
		parts = append(parts, "This message was deleted.")
	case len(m.Blocks) > 0:
		parts = append(parts, render.Text(m.Blocks, m.State, names, width))
	case m.Text != "":
		parts = append(parts, render.Plain(m.Text, names, width))
	}
	for _, f := range m.Files {
		parts = append(parts, fmt.Sprintf("[file: %s, %d bytes]", f.Name, len(f.Data)))
	}
	if m.Edited {
		parts = append(parts, "(edited)")
	}
	return strings.Join(parts, "\n")
}

// Said shows a message with its author, and says when only the reader sees it.
func (m Message) Said(width int, names map[string]string) string {
	head := names[m.User]
	if m.FromApp {
		head += " [APP]"
	}
	if m.Ephemeral {
		head += "  (only visible to you)"
	}
	return head + "\n" + m.Render(width, names)
}

// Render shows a modal or Home tab as plain text, with its errors and buttons.
func (m Modal) Render(width int, names map[string]string) string {
	var lines []string
	if m.Title != "" {
		lines = append(lines, "┌ "+m.Title)
	}
	if m.Trouble != "" {
		lines = append(lines, "⚠ "+m.Trouble)
	}
	lines = append(lines, render.Text(m.Blocks, m.State, names, width))
	for block, text := range m.Errors {
		lines = append(lines, "✖ "+block+": "+text)
	}
	if m.Submit != "" {
		end := m.Close
		or(&end, "Cancel")
		lines = append(lines, "└ ["+end+"] ["+m.Submit+"]")
	}
	return strings.Join(lines, "\n")
}

// Text shows a whole screen.
func (s Screen) Text(width int) string {
	var parts []string
	for _, c := range s.Conversations {
		if len(c.Messages) == 0 {
			continue
		}
		name := "#" + c.Name
		if c.With != "" {
			name = "direct message"
		}
		parts = append(parts, "== "+name)
		for _, m := range c.Root() {
			parts = append(parts, m.Said(width, s.Names))
			for _, r := range c.Thread(m.TS) {
				if r.TS != m.TS {
					parts = append(parts, "  │ "+strings.ReplaceAll(r.Said(width-4, s.Names), "\n", "\n  │ "))
				}
			}
		}
	}
	for _, m := range s.Modals {
		parts = append(parts, "== modal\n"+m.Render(width, s.Names))
	}
	if s.Home != nil {
		parts = append(parts, "== home\n"+s.Home.Render(width, s.Names))
	}
	return strings.Join(parts, "\n")
}
