package results

import (
	"fmt"
	"io"
	"strings"
)

// textWidth is what a phone shows of a line of code without turning.
const textWidth = 46

// WriteText writes a report for people, narrow enough for a phone. changes may be nil.
func WriteText(w io.Writer, r *Report, changes *Changes) error {
	var b strings.Builder
	leaks, risks := 0, 0
	for _, f := range r.Findings {
		if f.Kind == Leak {
			leaks++
		} else {
			risks++
		}
	}
	c := r.Coverage
	switch r.Verdict {
	case Sound:
		b.WriteString("SOUND: no tenant reached another's rows.\n")
	case Risky:
		fmt.Fprintf(&b, "NO LEAK PROVEN, %s.\n", Plural(risks, "risk"))
	case Leaking:
		fmt.Fprintf(&b, "LEAK: %s proven, %s.\n", Plural(leaks, "leak"), Plural(risks, "risk"))
	case Incomplete:
		fmt.Fprintf(&b, "COULD NOT CHECK EVERYTHING: no leak proven, %s.\n", Plural(risks, "risk"))
	}
	if changes != nil {
		fmt.Fprintf(&b, "%d new, %d fixed, %d unchanged.\n", len(changes.New), len(changes.Fixed), len(changes.Unchanged))
	}
	for i, f := range r.Findings {
		fmt.Fprintf(&b, "\n%d. %s: %s %s\n", i+1, strings.ToUpper(string(f.Kind)), f.Operation, f.Table)
		wrap(&b, "as ", f.As)
		wrap(&b, "", f.Evidence)
		b.WriteString("   fix:\n")
		for _, line := range strings.Split(f.Fix, "\n") {
			wrap(&b, "", line)
		}
	}
	fmt.Fprintf(&b, "\nCovered: %s (%d Persons, %d Orgs) ×\n%s × %s,\n", Plural(c.Tenants, "tenant"), c.Persons, c.Orgs, Plural(c.Tables, "table"), strings.Join(c.Operations, "/"))
	fmt.Fprintf(&b, "%s, %s,\n%s called, in %.1f s.\n", Plural(c.Reads, "read"), Plural(c.WriteAttempts, "write attempt"), Plural(c.Functions, "function"), c.Seconds)
	section := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s:\n", title)
		for _, line := range lines {
			wrap(&b, "- ", line)
		}
	}
	section("Could not check", c.LeftOut)
	section("Could not classify", c.Unclassified)
	section("Excused", c.Excused)
	section("Notes", c.Notes)
	var empty []string
	for _, d := range c.Detail {
		if d.Empty {
			empty = append(empty, d.Table)
		}
	}
	if len(empty) > 0 {
		section("Empty, so that reads proved nothing", empty)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// wrap writes a paragraph, indented and folded between words.
func wrap(b *strings.Builder, prefix, text string) {
	const indent = "   "
	line := indent + prefix
	empty := true
	for _, word := range strings.Fields(text) {
		if !empty && len([]rune(line))+1+len([]rune(word)) > textWidth {
			b.WriteString(line + "\n")
			line, empty = indent+"  ", true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	b.WriteString(line + "\n")
}
