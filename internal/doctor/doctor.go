// Package doctor checks everything that the bot relies on, for the subcommand check: the Slack app, its channels and people, the databases,
// the hosts, the repository and the name servers. It changes nothing.
package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

// Examine runs all checks at once. The findings are in a fixed order. It fails only where the product cannot be put together from the
// configuration; what is wrong outside is a finding.
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
		func() []onboarding.Finding { return book.Prerequisites(ctx) },
	)
	return Report{
		OK:       !slices.ContainsFunc(findings, func(f onboarding.Finding) bool { return f.Level == onboarding.Failed }),
		Took:     time.Since(began).Seconds(),
		Findings: findings,
	}, nil
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
