package formats

import (
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// verdicts are the headings of reports.
var verdicts = map[results.Verdict]string{
	results.Sound:      "✅ No tenant can reach another tenant's rows",
	results.Incomplete: "⚠️ Isolation could not be checked in full",
	results.Leaking:    "🚨 Tenants can reach each other's rows",
}

// Markdown writes the report for the summary of a CI job or a comment on a merge request, in the
// dialect that GitHub and GitLab share.
func (d Document) Markdown(w io.Writer) error {
	var b strings.Builder
	title := verdicts[d.Report.Verdict]
	if d.Report.Verdict == results.Incomplete && len(d.Report.Unchecked()) == 0 {
		title = "⚠️ No leak was proven, but there are risks"
	}
	fmt.Fprintf(&b, "### %s\n", title)
	if d.Changes != nil {
		fmt.Fprintf(&b, "\n%d new, %d fixed, %d unchanged since the baseline.\n", len(d.Changes.New),
			len(d.Changes.Fixed), len(d.Changes.Unchanged))
	}
	if len(d.Report.Findings) > 0 {
		b.WriteString("\n| | finding | attacker | evidence |\n| --- | --- | --- | --- |\n")
	}
	for _, f := range d.Report.Findings {
		state := ""
		if d.known(f) {
			state = "known"
		} else if d.Baseline != nil {
			state = "new"
		}
		fmt.Fprintf(&b, "| %s | %s: %s of %s | %s | %s |\n", state, f.Kind, cell(string(f.Operation)), cell(f.Table),
			cell(f.As), cell(f.Evidence))
	}
	for _, f := range d.Report.Findings {
		fmt.Fprintf(&b, "\n<details><summary>%s: %s of %s: %s</summary>\n\n%s\n", f.Kind,
			cell(string(f.Operation)), cell(f.Table), cell(fixTitle(f)), fenced(f.Fix))
		if f.Proof != "" {
			fmt.Fprintf(&b, "\nTo see it, in psql as the app role:\n\n%s\n", fenced(f.Proof))
		}
		if f.Definition != "" {
			fmt.Fprintf(&b, "\nTo accept it in isolation.accept, set definition: %s\n", cell(f.Definition))
		}
		b.WriteString("</details>\n")
	}
	d.writeUnchecked(&b)
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return d.writeFixed(w, "Fixed since the baseline:\n", "- ")
}

func (d Document) writeUnchecked(b *strings.Builder) {
	c := d.Report.Coverage
	fmt.Fprintf(b, "\n%s, %s, %s and %s in %.1f s.\n", results.Plural(c.Tenants, "tenant"),
		results.Plural(c.Tables, "table"), results.Plural(c.Reads, "read"),
		results.Plural(c.WriteAttempts, "write attempt"), c.Seconds)
	fresh, known := d.unchecked()
	var accepted []string
	for _, a := range d.Report.Accepted {
		accepted = append(accepted, a.String())
	}
	for _, section := range []struct {
		title string
		lines []string
	}{
		{"Accepted risks", accepted}, {"Could not be checked", fresh},
		{"Could not be checked, as in the baseline", known},
	} {
		if len(section.lines) == 0 {
			continue
		}
		fmt.Fprintf(b, "\n%s:\n\n", section.title)
		for _, line := range section.lines {
			fmt.Fprintf(b, "- %s\n", cell(line))
		}
	}
}

// markup are the characters that mean something in Markdown.
var markup = strings.NewReplacer(`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "#",
	`\#`, "@", "@\u200b", "~", `\~`)

// cell renders a text as itself, on one line.
func cell(text string) string { return markup.Replace(html.EscapeString(oneLine(text))) }

// fenced renders SQL as a block of code that no line of it can end.
func fenced(sql string) string {
	fence := "```"
	for strings.Contains(sql, fence) {
		fence += "`"
	}
	return fence + "sql\n" + sql + "\n" + fence
}
