package results

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// textWidth is how many columns of code a phone shows without turning.
const textWidth = 46

// WriteText writes a report for people, narrow enough for a phone. changes may be nil.
func WriteText(w io.Writer, r *Report, changes *Changes) error {
	var b strings.Builder
	writeVerdict(&b, r)
	if changes != nil {
		fmt.Fprintf(&b, "%d new, %d fixed, %d unchanged.\n", len(changes.New), len(changes.Fixed),
			len(changes.Unchanged))
	}
	for i, f := range r.Findings {
		fmt.Fprintf(&b, "\n%d. %s: %s %s\n", i+1, strings.ToUpper(string(f.Kind)), f.Operation, f.Table)
		wrap(&b, "as ", f.As)
		wrap(&b, "", f.Evidence)
		writeSQL(&b, "to see it, in psql as the app role:", f.Proof)
		writeSQL(&b, f.FixTitle()+":", f.Fix)
		if f.Definition != "" {
			wrap(&b, "", "to accept it in isolation.accept, set definition: "+f.Definition)
		}
	}
	if len(r.Accepted) > 0 {
		b.WriteString("\nAccepted risks:\n")
	}
	for _, a := range r.Accepted {
		wrap(&b, "- ", a.String())
	}
	writeCoverage(&b, r.Coverage)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeSQL(b *strings.Builder, title, sql string) {
	if sql == "" {
		return
	}
	wrap(b, "", title)
	for line := range strings.SplitSeq(sql, "\n") {
		wrap(b, "", line)
	}
}

func writeVerdict(b *strings.Builder, r *Report) {
	leaks, risks := 0, 0
	for _, f := range r.Findings {
		if f.Kind == Leak {
			leaks++
		} else {
			risks++
		}
	}
	switch {
	case r.Verdict == Sound:
		b.WriteString("SOUND: no tenant reached another's rows.\n")
	case r.Verdict == Leaking:
		fmt.Fprintf(b, "LEAK: %s proven, %s.\n", Plural(leaks, "leak"), Plural(risks, "risk"))
	case len(r.Unchecked()) == 0:
		fmt.Fprintf(b, "NO LEAK PROVEN, %s.\n", Plural(risks, "risk"))
	default:
		fmt.Fprintf(b, "COULD NOT CHECK EVERYTHING: no leak proven, %s.\n", Plural(risks, "risk"))
	}
}

func writeCoverage(b *strings.Builder, c Coverage) {
	operations := make([]string, len(c.Operations))
	for i, operation := range c.Operations {
		operations[i] = string(operation)
	}
	fmt.Fprintf(b, "\nCovered: %s (%d Persons, %d Orgs) ×\n%s × %s,\n",
		Plural(c.Tenants, "tenant"), c.Persons, c.Orgs, Plural(c.Tables, "table"), strings.Join(operations, "/"))
	fmt.Fprintf(b, "%s, %s,\n%s called, in %.1f s%s.\n", Plural(c.Reads, "read"),
		Plural(c.WriteAttempts, "write attempt"), Plural(c.Functions, "function"), c.Seconds, on(c.Postgres))
	if i := c.Interference; i != nil {
		fmt.Fprintf(b, "Non-interference: %s, %s, in %.1f s.\n", Plural(i.Pairs, "pair"),
			Plural(i.Observations, "observation"), i.Seconds)
	}
	var empty []string
	for _, d := range c.Detail {
		if d.Empty {
			empty = append(empty, d.Table)
		}
	}
	for _, section := range []struct {
		title string
		lines []string
	}{
		{"Could not check", c.LeftOut},
		{"Could not classify", c.Unclassified},
		{"Excused", c.Excused},
		{"Notes", c.Notes},
		{"Empty, so reads proved nothing", empty},
	} {
		if len(section.lines) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s:\n", section.title)
		for _, line := range section.lines {
			wrap(b, "- ", line)
		}
	}
}

// on says which server a check ran on, where that is known.
func on(version string) string {
	if version == "" {
		return ""
	}
	return "\non PostgreSQL " + version
}

// Plural counts a noun.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// wrap writes a paragraph, indented and broken between words.
func wrap(b *strings.Builder, prefix, text string) {
	const indent = "   "
	line := indent + prefix
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > textWidth {
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
