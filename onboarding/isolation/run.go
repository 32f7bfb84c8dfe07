package isolation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/isolation/formats"
	"github.com/atlilith/onboardbot/onboarding/isolation/query"
	"github.com/atlilith/onboardbot/onboarding/isolation/results"
)

// The formats that [Run] writes.
const (
	FormatText     = "text"
	FormatJSON     = "json"
	FormatSARIF    = "sarif"
	FormatJUnit    = "junit"
	FormatMarkdown = "markdown"
)

var writers = map[string]func(formats.Document, io.Writer) error{
	FormatText:     formats.Document.Text,
	FormatJSON:     formats.Document.JSON,
	FormatSARIF:    formats.Document.SARIF,
	FormatJUnit:    formats.Document.JUnit,
	FormatMarkdown: formats.Document.Markdown,
}

// Output says where [Run] writes the report, and how.
type Output struct {
	Writer io.Writer
	Format string
	// Baseline is an earlier report, or nil. With one, the exit status is about what is new since.
	Baseline *Report
}

// Run checks once, writes the report and returns the exit status: 0 no leak, 1 leak, 2 could not
// check. A check that failed to run is written as an incomplete report too; the error is only
// for a report that could not be written.
func Run(ctx context.Context, config Config, options Options, output Output) (int, error) {
	write := writers[output.Format]
	if write == nil {
		return Incomplete.ExitStatus(), fmt.Errorf("format %q: want one of %s", output.Format,
			strings.Join(slices.Sorted(maps.Keys(writers)), ", "))
	}
	report, err := check(ctx, config, options)
	if err != nil {
		failed := results.NewCollector()
		failed.LeaveOut("everything: %s", query.Describe(err))
		report = failed.Report()
	}
	if err := write(formats.New(report, output.Baseline), output.Writer); err != nil {
		return Incomplete.ExitStatus(), fmt.Errorf("write the report: %w", err)
	}
	if output.Baseline != nil {
		report = report.Since(output.Baseline)
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

// maxBaseline is the size of the largest report that is read, in bytes.
const maxBaseline = 64 << 20

// ReadBaseline reads a report that [Run] wrote with [FormatJSON].
func ReadBaseline(r io.Reader) (*Report, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBaseline+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBaseline {
		return nil, fmt.Errorf("the report is larger than %d MiB", maxBaseline>>20)
	}
	var report Report
	if err := json.Unmarshal(data, &report); err != nil {
		return nil, fmt.Errorf("want a report that -format json wrote: %w", err)
	}
	// Whoever compares with a check that failed to run would never see one fail again.
	if report.Verdict == "" || report.Coverage.Tables == 0 {
		return nil, errors.New("want a report that -format json wrote, of a check that reached the tables")
	}
	return &report, nil
}
