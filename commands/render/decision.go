package render

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
)

// Decision is what somebody decides about a change.
type Decision string

// The decisions. Forms that are open during an upgrade hold them, so none is ever renamed.
const (
	Approving     Decision = "approve"
	Rejecting     Decision = "reject"
	BreakingGlass Decision = "break_glass"
	// ApprovingLater approves for the next window.
	ApprovingLater Decision = "approve_later"
)

// ConfirmMeta is the private metadata of the form that confirms a decision.
type ConfirmMeta struct {
	Approval uuid.UUID `json:"approval"`
	// Digest is that of the change which the form shows.
	Digest onboarding.Digest `json:"digest"`
	Do     Decision          `json:"do"`
	// Reason, Whole and Code are what the form asks for, see [onboarding.ConfirmationNeededError].
	Reason bool `json:"reason,omitempty"`
	Whole  bool `json:"whole,omitempty"`
	Code   bool `json:"code,omitempty"`
}

// Needed is what the form with this metadata asks for.
func (m ConfirmMeta) Needed(view *onboarding.View, approval *onboarding.Approval) *onboarding.ConfirmationNeededError {
	needed := &onboarding.ConfirmationNeededError{Approval: approval, Reason: m.Reason, Whole: m.Whole,
		Code: m.Code}
	if step := view.Step(approval.Step); step != nil {
		needed.Step = step.Definition
	}
	return needed
}

// ConfirmForm asks for what a decision still needs. If that is to be shown the whole change, the
// form has its pages, and only the last one, to which the others lead in their order, has what
// sends it.
func ConfirmForm(needed *onboarding.ConfirmationNeededError, do Decision, number int) slack.ModalViewRequest {
	approval := needed.Approval
	titleText, submit, label, note := "Approve a change", "Approve", "Why?", ""
	switch do {
	case ApprovingLater:
		submit, note = "Approve for later", mrkdwn.MarkClock+" It is applied when its next window opens."
	case Rejecting:
		titleText, submit, label = "Reject a change", "Reject", "Why not?"
	case BreakingGlass:
		titleText, submit, label = "Break the glass", "Approve alone", "What is the emergency?"
		note = mrkdwn.MarkAlarm +
			" This approves the change *without a second operator*. The thread shows this with your name " +
			"and notifies the approvers who were skipped."
	}
	meta, err := json.Marshal(ConfirmMeta{Approval: approval.ID, Digest: approval.Digest, Do: do, Reason: needed.Reason,
		Whole: needed.Whole, Code: needed.Code})
	if err != nil {
		panic(err) // an id and a few words always encode
	}
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("*%s*\n%s", mrkdwn.Inline(title(needed.Step)),
		mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary))))
	if note != "" {
		page.Say(note)
	}
	last := true
	if needed.Whole {
		var count int
		count, number = writePage(&page, approval, number)
		page.PageButtons(ActionConfirmPage, approval.ID.String(), number, count)
		if last = number == count-1; !last {
			page.Note("The button to approve is on the last page.")
		}
	}
	modal := slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ViewConfirm, PrivateMetadata: string(meta),
		Title: blockkit.Plain(titleText, blockkit.MaxViewTitle),
		Close: blockkit.Plain("Back", blockkit.MaxViewTitle),
	}
	if last {
		modal.Submit = blockkit.Plain(submit, blockkit.MaxViewTitle)
		if needed.Reason {
			page.Blocks = append(page.Blocks, refusal.ReasonInput(label, "requester", true))
		}
		if needed.Code {
			page.Blocks = append(page.Blocks, refusal.CodeInput())
		}
	}
	modal.Blocks.BlockSet = page.Blocks
	return modal
}

// writePage writes one page of a whole change, the nearest one if there is none with that number,
// and returns how many there are and which one it is.
func writePage(page *mrkdwn.Builder, approval *onboarding.Approval, number int) (count, shown int) {
	all := changes.Pages(changes.PartsOf(approval.Change))
	number = max(0, min(number, len(all)-1))
	if number == 0 {
		writeAlarms(page, approval)
	}
	for _, part := range all[number] {
		page.Parts(part)
	}
	page.Note(fmt.Sprintf("Digest %s · page %d of %d", blockkit.Code(string(approval.Digest)), number+1, len(all)))
	return len(all), number
}

// The beginnings of the action ids of the buttons that turn the pages of a change: one that is
// only read, and one that is to be decided. The number of the page follows.
const (
	ActionPage        = "approval.page."
	ActionConfirmPage = "approval.confirm."
)

// ChangePage shows one page of a whole change, the nearest one if there is none with that number.
func ChangePage(name string, approval *onboarding.Approval, number int) slack.ModalViewRequest {
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("*%s*\n%s", mrkdwn.Inline(name), mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary))))
	count, number := writePage(&page, approval, number)
	page.PageButtons(ActionPage, approval.ID.String(), number, count)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewChange, Title: blockkit.Plain("The whole change", blockkit.MaxViewTitle),
		Close:  blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: page.Blocks},
	}
}
