package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

func checkCommand(ctx context.Context, out io.Writer, args []string) int {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	format := flags.String("format", "text", "`FORMAT` of the report: text or json")
	limit := flags.Duration("timeout", 2*time.Minute, "the most `TIME` that all of it may take")
	settings, code, ok := parse(flags, args, config.Everything...)
	if !ok {
		return code
	}
	if *format != "text" && *format != "json" {
		fmt.Fprintf(os.Stderr, "onboardbot check: -format: %q is neither text nor json\n", *format)
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	began := time.Now()
	findings, err := examine(ctx, settings)
	if err == nil {
		report := checkReport{Findings: findings, Took: time.Since(began).Seconds()}
		report.OK = !slices.ContainsFunc(findings, func(f onboarding.Finding) bool { return f.Level == onboarding.Failed })
		if code = exitOK; !report.OK {
			code = exitFailed
		}
		if *format == "json" {
			err = report.json(out)
		} else {
			err = report.text(out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "onboardbot check:", err)
		return exitFailed
	}
	return code
}

// examine looks at everything at once, and returns what it found in an order that a reader can follow. Nothing is changed.
func examine(ctx context.Context, settings *config.Config) ([]onboarding.Finding, error) {
	workspace, err := bot.NewWorkspace(slog.New(slog.DiscardHandler), settings.Slack)
	if err != nil {
		return nil, fmt.Errorf("slack: %w", err)
	}
	parts, err := runbook.Connect(settings.Config)
	if err != nil {
		return nil, err
	}
	defer parts.Close()
	runbook, err := runbook.New(parts, settings.Config)
	if err != nil {
		return nil, err
	}
	slack := &slackCheck{workspace: workspace, people: bot.NewDirectory(workspace), settings: settings}
	return together(
		func() []onboarding.Finding { return slack.run(ctx) },
		func() []onboarding.Finding { return checkDatabase(ctx, settings.Database) },
		func() []onboarding.Finding { return checkIsolation(ctx, settings) },
		func() []onboarding.Finding { return runbook.Prerequisites(ctx) },
	), nil
}

// together runs checks beside each other and returns their findings in order.
func together(checks ...func() []onboarding.Finding) []onboarding.Finding {
	found := make([][]onboarding.Finding, len(checks))
	var group sync.WaitGroup
	for i, check := range checks {
		group.Go(func() { found[i] = check() })
	}
	group.Wait()
	return slices.Concat(found...)
}

func well(name, format string, args ...any) onboarding.Finding {
	return onboarding.Finding{Level: onboarding.OK, Name: name, Detail: fmt.Sprintf(format, args...)}
}

func doubtful(name, fix, format string, args ...any) onboarding.Finding {
	return onboarding.Finding{Level: onboarding.Warning, Name: name, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

func failing(name, fix, format string, args ...any) onboarding.Finding {
	return onboarding.Finding{Level: onboarding.Failed, Name: name, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// Clocks may differ by a moment. Beyond the second limit signatures of DNS updates (RFC 8945 §5.2.3 suggests 300 s) and
// certificates are at stake.
const (
	skewToNote = 5 * time.Second
	skewToMend = time.Minute
)

// checkClock compares a clock, which is ahead by so much, with this machine's.
func checkClock(name string, ahead, within time.Duration) onboarding.Finding {
	const fix = "Let chrony or systemd-timesyncd set the clocks, on this machine or there."
	// What may be the way of the question is no difference.
	if apart := ahead.Abs() - within; apart > skewToMend {
		return failing(name, fix, "%s ahead of this machine's", ahead.Round(time.Second))
	} else if apart > skewToNote {
		return doubtful(name, fix, "%s ahead of this machine's", ahead.Round(time.Second))
	}
	return well(name, "the same as this machine's, give or take %s", max(within, ahead.Abs()).Round(100*time.Millisecond))
}

// checkReport is what was found.
type checkReport struct {
	OK       bool                 `json:"ok"`
	Took     float64              `json:"seconds"`
	Findings []onboarding.Finding `json:"findings"`
}

func (r checkReport) json(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// text writes a table. The fix stands below what was seen, so that lines stay short.
func (r checkReport) text(out io.Writer) error {
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
	_, err := fmt.Fprintf(out, "\n%d ok, %d with a warning, %d failed, in %.1f s\n", count[onboarding.OK], count[onboarding.Warning], count[onboarding.Failed], r.Took)
	return err
}

// printable keeps what other machines say from moving the cursor.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.TrimSpace(text))
}
