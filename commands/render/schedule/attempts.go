package schedule

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// AttemptLine says how an attempt goes on or ended. A still line does not change while it goes on.
func AttemptLine(attempt *onboarding.Attempt, now time.Time, still bool) string {
	lasted := mrkdwn.Duration(attempt.Finished.Sub(attempt.Started))
	switch {
	case attempt.Outcome == onboarding.OutcomeDone:
		return fmt.Sprintf("%s Done in %s.", mrkdwn.MarkDone, lasted)
	case attempt.Outcome == onboarding.OutcomeFailed:
		return fmt.Sprintf("%s Failed after %s: %s", mrkdwn.MarkFailed, lasted,
			mrkdwn.Inline(mrkdwn.Summary(attempt.Error)))
	case attempt.Outcome == onboarding.OutcomeInterrupted:
		return fmt.Sprintf("%s Interrupted by a restart after %s.", mrkdwn.MarkWarning, lasted)
	case still:
		return fmt.Sprintf("%s In progress since %s.", mrkdwn.MarkBusy, blockkit.Date(attempt.Started))
	}
	return fmt.Sprintf("%s In progress for %s.", mrkdwn.MarkBusy, elapsed(now, attempt.Started))
}

// Colours matches the colour codes that programs print for terminals (ECMA-48 §8.3.117, SGR).
var Colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// LastLines returns the last lines that an attempt printed, cut to what a message can hold.
func LastLines(attempt *onboarding.Attempt) string {
	const width = 160
	lines := make([]string, len(attempt.Tail))
	for i, line := range attempt.Tail {
		lines[i] = blockkit.Truncate(mrkdwn.Visible(Colours.ReplaceAllString(line, "")), width)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// elapsed returns how long ago something began, in seconds.
func elapsed(now, began time.Time) string {
	return mrkdwn.Duration(now.Sub(began).Truncate(time.Second))
}
