package render

import (
	"fmt"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// FreezeNotice says who froze all runs, and why.
func FreezeNotice(freeze *onboarding.Freeze) string {
	return fmt.Sprintf("%s *Frozen* by %s %s: %s", mrkdwn.MarkFrozen, mrkdwn.Mention(freeze.By),
		blockkit.Date(freeze.At), mrkdwn.Inline(mrkdwn.Summary(freeze.Reason)))
}

// AlreadyFrozen answers somebody who freezes while a freeze holds.
func AlreadyFrozen(freeze *onboarding.Freeze) string {
	return fmt.Sprintf("Already frozen by %s since %s: %s",
		mrkdwn.Mention(freeze.By), blockkit.Date(freeze.At), mrkdwn.Inline(mrkdwn.Summary(freeze.Reason)))
}
