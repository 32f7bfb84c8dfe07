package isolation

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// The formats that [Run] writes.
const (
	FormatText = "text"
	FormatJSON = "json"
)

// Output says where [Run] writes the report, and how.
type Output struct {
	Writer io.Writer
	Format string
}

// Run checks once, writes the report and returns the exit status: 0 no leak, 1 leak, 2 could not
// check. A check that failed to run is written as an incomplete report too; the error is only
// for a report that could not be written.
func Run(ctx context.Context, config Config, options Options, output Output) (int, error) {
	if output.Format != FormatText && output.Format != FormatJSON {
		return Incomplete.ExitStatus(), fmt.Errorf("format %q: want %s or %s", output.Format, FormatText, FormatJSON)
	}
	report, err := check(ctx, config, options)
	if err != nil {
		failed := results.NewCollector()
		failed.LeaveOut("everything: %s", query.Describe(err))
		report = failed.Report()
	}
	if err := output.write(report); err != nil {
		return Incomplete.ExitStatus(), fmt.Errorf("write the report: %w", err)
	}
	return report.Verdict.ExitStatus(), nil
}

func check(ctx context.Context, config Config, options Options) (*Report, error) {
	checker, err := New(config)
	if err != nil {
		return nil, err
	}
	return checker.Check(ctx, options)
}

func (o Output) write(report *Report) error {
	if o.Format == FormatText {
		return WriteText(o.Writer, report, nil)
	}
	encoder := json.NewEncoder(o.Writer)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(report)
}
