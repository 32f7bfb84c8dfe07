package render

import (
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// Decision is what somebody decides about a change.
type Decision string

const (
	Approving     Decision = "approve"
	Rejecting     Decision = "reject"
	BreakingGlass Decision = "break_glass"
)

// ReasonMeta is the private metadata of the form for a reason.
type ReasonMeta struct {
	Approval uuid.UUID `json:"approval"`
	Do       Decision  `json:"do"`
}

// The block id and the action id of the input for a reason.
const (
	BlockReason  = "reason"
	ActionReason = "input"
)

func reasonInput() *slack.PlainTextInputBlockElement {
	reason := slack.NewPlainTextInputBlockElement(blockkit.Plain("For the requester and the audit log",
		blockkit.MaxPlaceholder), ActionReason)
	reason.Multiline, reason.MaxLength = true, onboarding.MaxReason
	return reason
}

// ReasonForm asks for the reason of a decision.
func ReasonForm(needed *onboarding.ReasonNeededError, do Decision) slack.ModalViewRequest {
	approval := needed.Approval
	titleText, submit, label, note := "Approve a change", "Approve", "Why?", ""
	switch do {
	case Rejecting:
		titleText, submit, label = "Reject a change", "Reject", "Why not?"
	case BreakingGlass:
		titleText, submit, label = "Break the glass", "Approve alone", "What is the emergency?"
		note = mrkdwn.MarkAlarm +
			" This approves the change *without a second operator*. The thread shows this with your name " +
			"and notifies the approvers who were skipped."
	}
	meta, err := json.Marshal(ReasonMeta{Approval: approval.ID, Do: do})
	if err != nil {
		panic(err) // an id and a word always encode
	}
	reason := reasonInput()
	reason.FocusOnLoad = true
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("*%s*\n%s", mrkdwn.Inline(title(needed.Step)),
		mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary))))
	if note != "" {
		page.Say(note)
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ViewReason, PrivateMetadata: string(meta),
		Title:  blockkit.Plain(titleText, blockkit.MaxViewTitle),
		Submit: blockkit.Plain(submit, blockkit.MaxViewTitle),
		Close:  blockkit.Plain("Back", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: append(page.Blocks,
			slack.NewInputBlock(BlockReason, blockkit.Plain(label, blockkit.MaxInputLabel), nil, reason))},
	}
}

// ActionPage begins the action ids of the buttons that turn the pages of a change. The number of
// the page follows.
const ActionPage = "approval.page."

// ChangePage shows one page of a whole change, the nearest one if there is none with that number.
func ChangePage(name string, approval *onboarding.Approval, number int) slack.ModalViewRequest {
	all := changes.Pages(changes.PartsOf(approval.Change))
	number = max(0, min(number, len(all)-1))
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("*%s*\n%s", mrkdwn.Inline(name), mrkdwn.Inline(mrkdwn.Summary(approval.Change.Summary))))
	for _, part := range all[number] {
		page.Parts(part)
	}
	page.Note(fmt.Sprintf("Digest %s · page %d of %d", blockkit.Code(string(approval.Digest)), number+1, len(all)))
	page.PageButtons(ActionPage, approval.ID.String(), number, len(all))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewChange, Title: blockkit.Plain("The whole change", blockkit.MaxViewTitle),
		Close:  blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: page.Blocks},
	}
}
