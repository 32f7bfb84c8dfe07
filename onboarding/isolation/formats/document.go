package formats

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// Document is a report to write.
type Document struct {
	Report *results.Report
	// Baseline is the earlier report that it is compared with, or nil.
	Baseline *results.Report
	// Changes are those since the baseline.
	Changes *results.Changes
}

// New returns the document of a report. baseline may be nil.
func New(report, baseline *results.Report) Document {
	d := Document{Report: report, Baseline: baseline}
	if baseline != nil {
		changes := results.Diff(baseline, report)
		d.Changes = &changes
	}
	return d
}

// JSON writes the report. What changed since the baseline is beside it, so the file can be the next
// baseline.
func (d Document) JSON(w io.Writer) error {
	return encode(w, struct {
		*results.Report
		Changes *results.Changes `json:"changes,omitempty"`
	}{d.Report, d.Changes})
}

// Text writes the report for people.
func (d Document) Text(w io.Writer) error {
	if err := results.WriteText(w, d.Report, d.Changes); err != nil {
		return err
	}
	return d.writeFixed(w, "Fixed since the baseline:", "   - ")
}

// writeFixed lists what the baseline has and the report has not, if there is any.
func (d Document) writeFixed(w io.Writer, title, bullet string) error {
	if d.Changes == nil || len(d.Changes.Fixed) == 0 {
		return nil
	}
	text := "\n" + title + "\n"
	for _, f := range d.Changes.Fixed {
		text += bullet + oneLine(f.Key()) + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// known reports whether the baseline has a finding too.
func (d Document) known(f results.Finding) bool { return d.Baseline != nil && d.Baseline.Has(f.Key()) }

// unchecked lists what could not be checked: what is new since the baseline, and what was so
// before.
func (d Document) unchecked() (fresh, known []string) {
	if d.Baseline == nil {
		return d.Report.Unchecked(), nil
	}
	fresh = d.Report.Since(d.Baseline).Unchecked()
	return fresh, slices.DeleteFunc(d.Report.Unchecked(), func(line string) bool {
		return slices.Contains(fresh, line)
	})
}

// paragraphs say who did what, how to see it, and the fix.
func paragraphs(f results.Finding) []string {
	said := []string{"as " + f.As + "\n" + f.Evidence}
	if f.Proof != "" {
		said = append(said, "To see it, in psql as the app role:\n"+f.Proof)
	}
	said = append(said, fixTitle(f)+":\n"+f.Fix)
	if f.Definition != "" {
		said = append(said, "To accept it in isolation.accept, set definition: "+f.Definition)
	}
	return said
}

// oneLine folds white space, since names of tables may hold line ends.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// fixTitle says what is known of a fix, on one line.
func fixTitle(f results.Finding) string {
	title := oneLine(f.FixTitle())
	return strings.ToUpper(title[:1]) + title[1:]
}
