package certificates

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// Format is how a report is printed.
type Format string

// The formats.
const (
	Text Format = "text"
	JSON Format = "json"
)

// Exit statuses of a program that printed a report.
const (
	ExitHealthy   = 0
	ExitAttention = 1 // something needs attention
	ExitUnchecked = 2 // something, or everything, could not be checked
)

// ExitStatus is the exit status for a report.
func (r Report) ExitStatus() int {
	switch r.Severity() {
	case Healthy:
		return ExitHealthy
	case Unchecked:
		return ExitUnchecked
	}
	return ExitAttention
}

// Printer returns a function that prints a report in a format.
func Printer(w io.Writer, format Format) (func(Report) error, error) {
	switch format {
	case Text:
		return func(report Report) error { return printText(w, report) }, nil
	case JSON:
		return func(report Report) error { return printJSON(w, report) }, nil
	}
	return nil, fmt.Errorf("format: %q is neither %s nor %s", format, Text, JSON)
}

func printJSON(w io.Writer, report Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(struct {
		Severity Severity `json:"severity"`
		Report
	}{report.Severity(), report})
}

// printText prints a table of the sites, and their faults below it.
func printText(w io.Writer, report Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DOMAIN\tSTATE\tLEFT\tVALID UNTIL\tISSUER\tHOST")
	for _, site := range report.Sites {
		left, until, issuer := "-", "-", "-"
		if remaining, ok := site.Left(report.At); ok {
			c := site.Certificates[0]
			left, until, issuer = Span(remaining), Time(c.NotAfter), c.Issuer
			if remaining < 0 {
				left = "expired"
			}
		}
		host := cmp.Or(site.Host, "-")
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", site.Shown(), site.Severity, left, until, Printable(issuer, 40),
			host)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, site := range report.Sites {
		for i, fault := range site.Faults {
			if i == 0 {
				fmt.Fprintf(w, "\n%s\n", site.Shown())
			}
			label := fault.Severity.String()
			if fault.Severity == Healthy {
				label = "note"
			}
			if _, err := fmt.Fprintf(w, "  %s: %s\n", label, fault.Sentence); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%s checked in %s.\n", count(int64(len(report.Sites)), "domain"),
		report.Took.Round(1e6))
	return err
}
