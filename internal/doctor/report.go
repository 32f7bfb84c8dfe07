package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/atlilith/onboardbot/onboarding"
)

// Report is what the checks found.
type Report struct {
	// OK is true unless a finding failed.
	OK bool `json:"ok"`
	// Took is in seconds.
	Took     float64              `json:"seconds"`
	Findings []onboarding.Finding `json:"findings"`
}

// WriteJSON writes the report as indented JSON.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// WriteText writes the report as a table. The fix is on a line of its own below what was seen, to
// keep lines short.
func (r Report) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	count := map[onboarding.Level]int{}
	fmt.Fprintln(table, "LEVEL\tWHAT\tSEEN")
	for _, finding := range r.Findings {
		count[finding.Level]++
		level := string(finding.Level)
		if finding.Level == onboarding.Failed {
			level = strings.ToUpper(level)
		}
		name := printable(finding.Name)
		for line := range strings.Lines(finding.Detail) {
			fmt.Fprintf(table, "%s\t%s\t%s\n", level, name, printable(line))
			level, name = "", ""
		}
		if finding.Fix != "" {
			fmt.Fprintf(table, "\t\t→ %s\n", printable(finding.Fix))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "\n%d ok, %d with a warning, %d failed, in %.1f s\n",
		count[onboarding.OK], count[onboarding.Warning], count[onboarding.Failed], r.Took)
	return err
}

// printable removes control characters from text that other machines sent.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.TrimSpace(text))
}
