package certificates

import (
	"context"
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

// CouldNotLook is the exit status of a program that could not look at all, as of one that could not look at something.
const CouldNotLook = 2

// Run sweeps the inventory once, prints the report, and returns the exit status: 0 all is well, 1 something needs attention, 2 something
// could not be looked at. With an error nothing was looked at.
func Run(ctx context.Context, sweeper *Sweeper, inventory Inventory, print func(Report) error) (int, error) {
	sites, err := inventory.Sites(ctx)
	if err != nil {
		return CouldNotLook, fmt.Errorf("certificates to watch: %w", err)
	}
	report, err := sweeper.Sweep(ctx, sites)
	if err != nil {
		return CouldNotLook, err
	}
	if err := print(report); err != nil {
		return CouldNotLook, fmt.Errorf("print the report: %w", err)
	}
	return report.ExitStatus(), nil
}

// Printer returns what prints a report in a format.
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

// printText prints a table, the most urgent first, and below it what is wrong.
func printText(w io.Writer, report Report) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "DOMAIN\tSTATE\tLEFT\tVALID UNTIL\tISSUER\tHOST")
	for _, site := range report.Sites {
		left, until, issuer := "-", "-", "-"
		if remaining, ok := site.Left(report.At); ok {
			c := site.Certificates[0]
			left, until, issuer = Span(remaining), day(c.NotAfter), c.Issuer
			if remaining < 0 {
				left = "expired"
			}
		}
		host := site.Host
		if host == "" {
			host = "-"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", site.Shown(), site.Severity, left, until, printable(issuer, 40), host)
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
			if fault.Severity == Well {
				label = "by the way"
			}
			if _, err := fmt.Fprintf(w, "  %s: %s\n", label, fault.Sentence); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%s looked at in %s.\n", count(int64(len(report.Sites)), "domain"), report.Took.Round(1e6))
	return err
}
