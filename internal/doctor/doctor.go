// Package doctor checks everything that the bot relies on, for the subcommand check: the Slack
// app, its channels and people, the databases, the hosts, the repository and the name servers. It
// changes nothing.
package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// Examine runs all checks at once. The findings are in a fixed order. It fails only where the
// product cannot be put together from the configuration; what is wrong outside is a finding.
func Examine(ctx context.Context, settings *config.Config) (Report, error) {
	began := time.Now()
	workspace, err := bot.NewWorkspace(slog.New(slog.DiscardHandler), settings.Slack)
	if err != nil {
		return Report{}, fmt.Errorf("slack: %w", err)
	}
	parts, err := runbook.Connect(settings.Config)
	if err != nil {
		return Report{}, err
	}
	defer parts.Close()
	book, err := runbook.New(parts, settings.Config)
	if err != nil {
		return Report{}, err
	}
	slack := &slackCheck{workspace: workspace, people: bot.NewDirectory(workspace), settings: settings}
	findings := together(
		func() []onboarding.Finding { return slack.run(ctx) },
		func() []onboarding.Finding { return checkDatabase(ctx, settings.Database) },
		func() []onboarding.Finding { return checkIsolation(ctx, settings) },
		func() []onboarding.Finding { return checkWindows(settings.Onboarding.Calendar, time.Now()) },
		func() []onboarding.Finding { return book.Prerequisites(ctx) },
	)
	return Report{
		OK: !slices.ContainsFunc(findings,
			func(f onboarding.Finding) bool { return f.Level == onboarding.Failed }),
		Took:     time.Since(began).Seconds(),
		Findings: findings,
	}, nil
}

// together runs checks at once and returns their findings in order.
func together(checks ...func() []onboarding.Finding) []onboarding.Finding {
	found := make([][]onboarding.Finding, len(checks))
	var group routine.WaitGroup
	for i, check := range checks {
		group.Go(func() {
			if err := routine.Call(func() error { found[i] = check(); return nil }); err != nil {
				found[i] = []onboarding.Finding{onboarding.Failing("check", "Report this.", "%v", err)}
			}
		})
	}
	group.Wait()
	return slices.Concat(found...)
}

// Clocks may differ a little. Beyond maxSkew, signatures of DNS updates (RFC 8945 §5.2.3 suggests
// a tolerance of 300 s) and certificates may be refused.
const (
	noticedSkew = 5 * time.Second
	maxSkew     = time.Minute
)

// checkClock judges a clock that is ahead of this machine's by a duration, known within a
// tolerance.
func checkClock(name string, ahead, within time.Duration) onboarding.Finding {
	const fix = "Run chrony or systemd-timesyncd on this machine and on the other one."
	// The time that the request took is no difference between the clocks.
	if apart := ahead.Abs() - within; apart > maxSkew {
		return onboarding.Failing(name, fix, "%s ahead of this machine's", ahead.Round(time.Second))
	} else if apart > noticedSkew {
		return onboarding.Doubtful(name, fix, "%s ahead of this machine's", ahead.Round(time.Second))
	}
	return onboarding.Passed(name, "the same as this machine's within %s",
		max(within, ahead.Abs()).Round(100*time.Millisecond))
}
