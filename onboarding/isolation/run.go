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

// Run checks once, writes the report to w and returns the exit status: 0 sound, 1 leak, 2 could not check. A check that could not even begin is
// written as an incomplete report too; the error is only for a report that could not be written.
func Run(ctx context.Context, cfg Config, w io.Writer, format, tenant string) (int, error) {
	if format != FormatText && format != FormatJSON {
		return results.Incomplete.ExitStatus(), fmt.Errorf("format %q: want %s or %s", format, FormatText, FormatJSON)
	}
	report, err := check(ctx, cfg, tenant)
	if err != nil {
		failed := results.NewCollector()
		failed.LeaveOut("everything: %s", query.Describe(err))
		report = failed.Report()
	}
	if format == FormatJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(report)
	} else {
		err = results.WriteText(w, report, nil)
	}
	if err != nil {
		return results.Incomplete.ExitStatus(), fmt.Errorf("write the report: %w", err)
	}
	return report.Verdict.ExitStatus(), nil
}

func check(ctx context.Context, cfg Config, tenant string) (*results.Report, error) {
	checker, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return checker.Check(ctx, Options{Tenant: tenant})
}
