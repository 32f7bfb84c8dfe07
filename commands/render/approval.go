package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

// ApprovalKey is the outbox's key of the message that shows an approval request.
func ApprovalKey(approval *onboarding.Approval) string {
	if approval.AskedWith != uuid.Nil {
		return approvalKey(approval.RunID, approval.AskedWith)
	}
	return approvalKey(approval.RunID, approval.ID)
}

func approvalKey(run, approval uuid.UUID) string {
	return RootKey(run) + "/approval/" + approval.String()
}

// approvalRequest is the request to approve one change, and what became of it.
func (r Renderer) approvalRequest(view *onboarding.View, approval *onboarding.Approval, now time.Time) post.Message {
	room := changes.Roomy
	if closed(approval) {
		room = changes.Brief
	}
	page := r.writeRequest(request{view: view, Approval: approval, room: room, alone: true}, now)
	return post.Message{Key: approvalKey(approval.RunID, approval.ID), Channel: view.Channel,
		Thread: RootKey(view.ID), Text: page.Text(), Blocks: page.Blocks}
}

// request is an approval request to show.
type request struct {
	view *onboarding.View
	*onboarding.Approval
	room  changes.Room // of the change
	alone bool         // no other request is in the message
	// still says that the message must not change by itself, since another request in it is open:
	// a press counts only in what Slack showed last.
	still bool
}

// block is the block id of the buttons.
func (r request) block() string {
	if r.alone {
		return "approval"
	}
	return "approval/" + r.ID.String()
}

// writeRequest shows one request: its state, the change, who decided, and what came of it.
func (r Renderer) writeRequest(request request, now time.Time) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	view, approval := request.view, request.Approval
	attempts := attemptsUnder(view, approval.ID)
	page.Say(requestHead(view, approval, attempts))
	step := view.Step(approval.Step)
	if step != nil && step.State == onboarding.StepApproved && step.Detail != "" && !schedule.Waits(step) {
		page.Say(mrkdwn.Inline(mrkdwn.Summary(step.Detail)))
	}
	open := approval.State == onboarding.ApprovalOpen
	if open {
		page.Note(r.reason(approval.Step))
		writeAlarms(page, approval)
	}
	shown, hidden := changes.Excerpt(changes.PartsOf(approval.Change), request.room)
	page.Parts(shown...)
	if approval.Drift != "" {
		moved, more := changes.Excerpt([]mrkdwn.Part{changes.Drift(approval.Drift)}, request.room)
		hidden += more
		page.Parts(moved...)
	}
	if open {
		writeWarnings(page, step)
	}
	windowed := r.windowed(view.Run, approval)
	for _, line := range append(r.decisionLines(view, approval), schedule.Lines(view, approval, windowed)...) {
		page.Say(line)
	}
	if view.Freeze != nil && !closed(approval) {
		page.Say(schedule.FreezeNotice(view.Freeze))
	}
	for _, attempt := range attempts {
		page.Say(schedule.AttemptLine(attempt, now, request.still))
		if attempt.Outcome == onboarding.OutcomeRunning && !request.still {
			page.Parts(mrkdwn.Part{Body: schedule.LastLines(attempt)})
		}
	}
	page.Note(footer(approval, hidden))
	var buttons []*slack.ButtonBlockElement
	id := approval.ID.String()
	if open {
		buttons = append(buttons, blockkit.Button(ActionApprove, id, "Approve", slack.StylePrimary),
			blockkit.Button(ActionReject, id, "Reject…", slack.StyleDanger))
	}
	buttons = append(buttons, schedule.Buttons(view, approval, windowed)...)
	if hidden > 0 {
		buttons = append(buttons, blockkit.Button(ActionShow, id, "Show all", ""))
	}
	if open && r.BreakGlass {
		buttons = append(buttons, blockkit.Button(ActionGlass, id, "Break the glass…", ""))
	}
	if len(buttons) > 0 {
		for _, button := range buttons {
			blockkit.About(button, StepName(view.Run, approval.Step))
		}
		page.Buttons(request.block(), buttons...)
	}
	return page
}

// requestHead says of which step a request is, its state, and what the change is.
func requestHead(view *onboarding.View, approval *onboarding.Approval, attempts []*onboarding.Attempt) string {
	mark, words := changeStatus(approval, attempts)
	if approval.State == onboarding.ApprovalRevoked {
		words = revokedStatus(view, approval, len(attempts) > 0)
	}
	if approval.State == onboarding.ApprovalApproved && len(attempts) == 0 {
		step := view.Step(approval.Step)
		switch {
		case view.Freeze != nil:
			mark, words = mrkdwn.MarkFrozen, "approved, held by the freeze"
		case schedule.Waits(step):
			mark, words = mrkdwn.MarkClock, stepStatus(view, step)
		}
	}
	return fmt.Sprintf("%s *%s*: %s\n%s", mark, blockkit.Escape(StepName(view.Run, approval.Step)), words,
		mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary)))
}

// writeAlarms shows what an approver must not overlook.
func writeAlarms(page *mrkdwn.Builder, approval *onboarding.Approval) {
	if alarms := changes.Alarms(approval); len(alarms) > 0 {
		page.Say(mrkdwn.JoinWithin(alarms, blockkit.MaxSectionText))
	}
}

// ShownInRequest reports whether the message of an open request shows every line of the change,
// also where it shares the message with others and has less room.
func ShownInRequest(approval *onboarding.Approval) bool {
	_, hidden := changes.Excerpt(changes.PartsOf(approval.Change), changes.Brief)
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
			return mrkdwn.MarkDone, nothingLeft
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

// decisionLines say who decided what, and who can decide.
func (r Renderer) decisionLines(view *onboarding.View, approval *onboarding.Approval) (lines []string) {
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
		lines = append(lines, line)
	}
	if approval.State != onboarding.ApprovalOpen {
		return lines
	}
	who := "A second operator must decide"
	switch needs := approval.Needs - agreed; {
	case needs > 1:
		who = fmt.Sprintf("%d different operators must decide", needs)
	case agreed > 0:
		who = "One more operator must decide"
	}
	if may := r.eligibleApprovers(view, approval); len(may) > 0 && r.Mentions {
		who += ": " + mrkdwn.MentionAny(may)
	}
	if approval.ReasonNeeded {
		who += ". A reason is required"
	}
	if approval.Confirm == onboarding.ConfirmTOTP {
		who += ". A code from their authenticator app is required"
	}
	return append(lines, who+".")
}

// eligibleApprovers returns the configured approvers, or who covered for them when the request was
// made, without the requester and those who voted.
func (r Renderer) eligibleApprovers(view *onboarding.View, approval *onboarding.Approval) []string {
	return slices.DeleteFunc(view.Covered(r.Approvers, approval.Asked), func(id string) bool {
		return id == view.Requester.ID ||
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

func attemptsUnder(view *onboarding.View, approval uuid.UUID) []*onboarding.Attempt {
	var found []*onboarding.Attempt
	for _, attempt := range view.Attempts {
		if attempt.Approval == approval {
			found = append(found, attempt)
		}
	}
	return found
}
