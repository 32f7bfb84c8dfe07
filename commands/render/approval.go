package render

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// ApprovalKey is the outbox's key of an approval request.
func ApprovalKey(approval *onboarding.Approval) string {
	return RootKey(approval.RunID) + "/approval/" + approval.ID.String()
}

// approvalRequest is the request to approve one change, and what became of it.
func (r Renderer) approvalRequest(view *onboarding.View, approval *onboarding.Approval, now time.Time) post.Message {
	var page mrkdwn.Builder
	name := StepName(view, approval.Step)
	attempts := attemptsUnder(view, approval.ID)
	mark, words := changeStatus(approval, attempts)
	if approval.State == onboarding.ApprovalRevoked {
		words = revokedStatus(view, approval, len(attempts) > 0)
	}
	if view.Freeze != nil && approval.State == onboarding.ApprovalApproved && len(attempts) == 0 {
		mark, words = mrkdwn.MarkFrozen, "approved, held by the freeze"
	}
	page.Say(fmt.Sprintf("%s *%s*: %s\n%s", mark, blockkit.Escape(name), words,
		mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary))))
	if step := view.Step(approval.Step); step != nil && step.State == onboarding.StepApproved && step.Detail != "" {
		page.Say(mrkdwn.Inline(mrkdwn.Summary(step.Detail)))
	}
	open := approval.State == onboarding.ApprovalOpen
	if open {
		page.Note(r.reason(approval.Step))
		writeAlarms(&page, approval)
	}
	room := changes.Roomy
	if closed(approval) {
		room = changes.Brief
	}
	shown, hidden := changes.Excerpt(changes.PartsOf(approval.Change), room)
	page.Parts(shown...)
	if approval.Drift != "" {
		moved, more := changes.Excerpt([]mrkdwn.Part{changes.Drift(approval.Drift)}, room)
		hidden += more
		page.Parts(moved...)
	}
	if open {
		writeWarnings(&page, view.Step(approval.Step))
	}
	r.writeDecisions(&page, view, approval)
	if view.Freeze != nil && !closed(approval) {
		page.Say(FreezeNotice(view.Freeze))
	}
	for _, attempt := range attempts {
		writeAttempt(&page, attempt, now)
	}
	page.Note(footer(approval, hidden))
	var buttons []*slack.ButtonBlockElement
	id := approval.ID.String()
	if open {
		buttons = append(buttons, blockkit.Button(ActionApprove, id, "Approve", slack.StylePrimary),
			blockkit.Button(ActionReject, id, "Reject…", slack.StyleDanger))
	}
	if hidden > 0 {
		buttons = append(buttons, blockkit.Button(ActionShow, id, "Show all", ""))
	}
	if open && r.BreakGlass {
		buttons = append(buttons, blockkit.Button(ActionGlass, id, "Break the glass…", ""))
	}
	if len(buttons) > 0 {
		page.Buttons("approval", buttons...)
	}
	return post.Message{Key: ApprovalKey(approval), Channel: view.Channel, Thread: RootKey(view.ID),
		Text: page.Text(), Blocks: page.Blocks}
}

// writeAlarms shows what an approver must not overlook.
func writeAlarms(page *mrkdwn.Builder, approval *onboarding.Approval) {
	if alarms := changes.Alarms(approval); len(alarms) > 0 {
		page.Say(mrkdwn.JoinWithin(alarms, blockkit.MaxSectionText))
	}
}

// ShownInRequest reports whether the message of an open request shows every line of the change.
func ShownInRequest(approval *onboarding.Approval) bool {
	_, hidden := changes.Excerpt(changes.PartsOf(approval.Change), changes.Roomy)
	return hidden == 0
}

// closed reports whether an approval is closed. Its message is a record then, and shows less of
// the change.
func closed(approval *onboarding.Approval) bool {
	return approval.State != onboarding.ApprovalOpen && approval.State != onboarding.ApprovalApproved
}

// changeStatus returns the mark and the state of a change.
func changeStatus(approval *onboarding.Approval, attempts []*onboarding.Attempt) (mark, words string) {
	switch approval.State {
	case onboarding.ApprovalOpen, onboarding.ApprovalAhead:
		return mrkdwn.MarkAsk, "approval needed"
	case onboarding.ApprovalRejected:
		return mrkdwn.MarkFailed, "rejected"
	case onboarding.ApprovalLapsed:
		return mrkdwn.MarkWarning,
			"not applied, because the target changed after this was approved. A new approval request is below"
	case onboarding.ApprovalRevoked:
		return mrkdwn.MarkWarning, "no longer valid"
	case onboarding.ApprovalExpired:
		return mrkdwn.MarkWarning, "nobody decided in time"
	case onboarding.ApprovalWithdrawn:
		return mrkdwn.MarkCancelled, "withdrawn, because the run was cancelled"
	}
	if len(attempts) == 0 {
		if approval.State == onboarding.ApprovalUsed {
			return mrkdwn.MarkDone, "nothing was left to do"
		}
		return mrkdwn.MarkBusy, "approved, about to start"
	}
	switch attempts[len(attempts)-1].Outcome {
	case onboarding.OutcomeDone:
		return mrkdwn.MarkDone, "done"
	case onboarding.OutcomeFailed:
		return mrkdwn.MarkFailed, "failed"
	case onboarding.OutcomeInterrupted:
		if approval.State == onboarding.ApprovalUsed {
			return mrkdwn.MarkDone, "done"
		}
		return mrkdwn.MarkBusy, "interrupted by a restart, checking again"
	}
	return mrkdwn.MarkBusy, "in progress"
}

// revokedStatus says why an approval that was given does not count any more. The audit trail has
// the reason.
func revokedStatus(view *onboarding.View, approval *onboarding.Approval, begun bool) string {
	what := "not applied"
	if begun {
		what = "stopped before its end"
	}
	why := "the approval is no longer valid"
	for _, event := range view.Events {
		if event.Kind == onboarding.EventLapsed && event.Approval == approval.ID {
			why = event.Text
		}
	}
	return what + ", because " + mrkdwn.Inline(mrkdwn.Summary(why)) + ". A new approval request is below"
}

// writeWarnings shows the step's findings that did not pass, for the people who decide.
func writeWarnings(page *mrkdwn.Builder, step *onboarding.Step) {
	if step == nil {
		return
	}
	for _, finding := range step.Findings {
		if finding.Level != onboarding.OK {
			page.Note(fmt.Sprintf("%s %s: %s", mrkdwn.MarkWarning, mrkdwn.Inline(finding.Name),
				mrkdwn.Inline(mrkdwn.Summary(advice(finding)))))
		}
	}
}

// writeDecisions shows who decided what, and who can decide.
func (r Renderer) writeDecisions(page *mrkdwn.Builder, view *onboarding.View, approval *onboarding.Approval) {
	agreed := 0
	for _, vote := range approval.Votes {
		line := fmt.Sprintf("%s Rejected by %s %s", mrkdwn.MarkFailed, mrkdwn.Mention(vote.By),
			blockkit.Date(vote.At))
		switch {
		case vote.BrokeGlass:
			line = fmt.Sprintf("%s %s broke the glass %s", mrkdwn.MarkWarning, mrkdwn.Mention(vote.By),
				blockkit.Date(vote.At))
		case vote.Agrees:
			agreed++
			line = fmt.Sprintf("%s Approved by %s %s", mrkdwn.MarkDone, mrkdwn.Mention(vote.By),
				blockkit.Date(vote.At))
			if approval.Needs > 1 {
				line += fmt.Sprintf(", %d of %d", agreed, approval.Needs)
			}
		}
		if vote.Reason != "" {
			line += ": " + mrkdwn.Inline(mrkdwn.Summary(vote.Reason))
		}
		page.Say(line)
	}
	if approval.State != onboarding.ApprovalOpen {
		return
	}
	who := "A second operator must decide"
	switch needs := approval.Needs - agreed; {
	case needs > 1:
		who = fmt.Sprintf("%d different operators must decide", needs)
	case agreed > 0:
		who = "One more operator must decide"
	}
	if may := r.eligibleApprovers(view.Requester.ID, approval); len(may) > 0 && r.Mentions {
		who += ": " + mrkdwn.MentionAny(may)
	}
	if approval.ReasonNeeded {
		who += ". A reason is required"
	}
	if approval.Confirm == onboarding.ConfirmTOTP {
		who += ". A code of their authenticator app is required"
	}
	page.Say(who + ".")
}

// eligibleApprovers returns the configured approvers without the requester and those who voted.
func (r Renderer) eligibleApprovers(requester string, approval *onboarding.Approval) []string {
	return slices.DeleteFunc(slices.Clone(r.Approvers), func(id string) bool {
		return id == requester ||
			slices.ContainsFunc(approval.Votes, func(vote onboarding.Vote) bool { return vote.By.ID == id })
	})
}

// footer is the line with what identifies the request.
func footer(approval *onboarding.Approval, hidden int) string {
	var facts []string
	if hidden > 0 {
		facts = append(facts, fmt.Sprintf("%d more lines: press Show all", hidden))
	}
	facts = append(facts, "Digest "+blockkit.Code(approval.Digest.Short()))
	if approval.State == onboarding.ApprovalOpen {
		facts = append(facts, "expires "+blockkit.Date(approval.Expires))
	}
	return strings.Join(facts, " · ")
}

// writeAttempt shows the progress or the result of an attempt.
func writeAttempt(page *mrkdwn.Builder, attempt *onboarding.Attempt, now time.Time) {
	lasted := mrkdwn.Duration(attempt.Finished.Sub(attempt.Started))
	switch attempt.Outcome {
	case onboarding.OutcomeDone:
		page.Say(fmt.Sprintf("%s Done in %s.", mrkdwn.MarkDone, lasted))
	case onboarding.OutcomeFailed:
		page.Say(fmt.Sprintf("%s Failed after %s: %s", mrkdwn.MarkFailed, lasted,
			mrkdwn.Inline(mrkdwn.Summary(attempt.Error))))
	case onboarding.OutcomeInterrupted:
		page.Say(fmt.Sprintf("%s Interrupted by a restart after %s.", mrkdwn.MarkWarning, lasted))
	default:
		page.Say(fmt.Sprintf("%s In progress for %s.", mrkdwn.MarkBusy, elapsed(now, attempt.Started)))
		page.Parts(mrkdwn.Part{Body: lastLines(attempt)})
	}
}

// colours matches the colour codes that programs print for terminals (ECMA-48 §8.3.117, SGR).
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// lastLines returns the last lines that an attempt printed, cut to what a message can hold.
func lastLines(attempt *onboarding.Attempt) string {
	const width = 160
	lines := make([]string, len(attempt.Tail))
	for i, line := range attempt.Tail {
		lines[i] = blockkit.Truncate(mrkdwn.Visible(colours.ReplaceAllString(line, "")), width)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func attemptsUnder(view *onboarding.View, approval uuid.UUID) []*onboarding.Attempt {
	var found []*onboarding.Attempt
	for _, attempt := range view.Attempts {
		if attempt.Approval == approval {
			found = append(found, attempt)
		}
	}
	return found
}

// elapsed returns how long ago something began, in seconds.
func elapsed(now, began time.Time) string {
	return mrkdwn.Duration(now.Sub(began).Truncate(time.Second))
}
