// Package schedule shows when approved changes are applied: what waits for its window, what a
// freeze holds, and how an application goes on.
package schedule

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/windows"
)

// The action ids of the buttons of an approval: one approves for the next window, the other one
// has a change applied that waits for its window. Their values are the id of the approval.
const (
	ActionApproveLater = "approval.later"
	ActionApplyNow     = "approval.apply"
)

// Waits reports whether a step is approved and waits for its window.
func Waits(step *onboarding.Step) bool {
	return step != nil && step.State == onboarding.StepApproved && !step.Due.IsZero()
}

// Status says until when a step waits for its window. In an answer that is read at once, it also
// says how long that is from now. For a message that stays, now is zero.
func Status(step *onboarding.Step, now time.Time) string {
	words := "approved, " + mrkdwn.FirstLine(step.Detail)
	if left := step.Due.Sub(now); !now.IsZero() && left > 0 {
		words += ", in " + mrkdwn.Duration(left)
	}
	return words
}

// NotBefore says that no change of a request is applied before a moment, empty for nil.
func NotBefore(at *onboarding.Moment) string {
	if at == nil {
		return ""
	}
	return fmt.Sprintf("%s No approved change is applied before %s.", mrkdwn.MarkClock,
		blockkit.Escape(windows.Text(at.In())))
}

// OnlyInWindow says of a request that it is about a change with a window.
const OnlyInWindow = mrkdwn.MarkClock + " Once approved, it is applied only while its window is open."

// Lines say that the change of an approval waits for its window, or that somebody had it applied
// outside of it. Windowed means that a window covers the change.
func Lines(view *onboarding.View, approval *onboarding.Approval, windowed bool) (lines []string) {
	if approval.State == onboarding.ApprovalOpen {
		waits := NotBefore(view.Request.At)
		until := approval.NotBefore()
		switch {
		case !until.IsZero():
			waits = fmt.Sprintf("%s Once approved, it waits until %s.", mrkdwn.MarkClock, blockkit.Date(until))
		case windowed:
			waits = strings.TrimSpace(waits + "\n" + OnlyInWindow)
		}
		if waits != "" {
			lines = append(lines, waits)
		}
	}
	for _, event := range view.Events {
		if event.Kind == onboarding.EventApplyNow && event.Approval == approval.ID {
			lines = append(lines, fmt.Sprintf("%s %s pressed Apply now outside its window %s", mrkdwn.MarkWarning,
				mrkdwn.Mention(event.Actor), blockkit.Date(event.At)))
		}
	}
	return lines
}

// Buttons approve a change for the next window, or have one applied that waits for its window.
func Buttons(view *onboarding.View, approval *onboarding.Approval, windowed bool) []*slack.ButtonBlockElement {
	id := approval.ID.String()
	switch {
	case approval.State == onboarding.ApprovalOpen && windowed:
		return []*slack.ButtonBlockElement{blockkit.Button(ActionApproveLater, id, "Approve for the next window", "")}
	case approval.State == onboarding.ApprovalApproved && Waits(view.Step(approval.Step)):
		button := blockkit.Button(ActionApplyNow, id, "Apply now", "")
		return []*slack.ButtonBlockElement{button.WithConfirm(blockkit.Confirm("Apply now?",
			"The change is applied at once, outside its window. The thread and the audit log name you.",
			"Apply now", "Keep waiting"))}
	}
	return nil
}

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
