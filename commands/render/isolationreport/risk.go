package isolationreport

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

// The buttons of a request to accept a risk, whose value is its id, and the form for what a decision
// needs.
const (
	ActionAccept   = "risk.accept"
	ActionReject   = "risk.reject"
	ActionWithdraw = "risk.withdraw"
	ViewDecide     = "risk.decide"
)

// RiskKey is the outbox's key of a request to accept a risk.
func RiskKey(id uuid.UUID) string { return "risk/" + id.String() }

// DecideMeta is the private metadata of the form for a decision.
type DecideMeta struct {
	Risk uuid.UUID `json:"risk"`
	Act  risk.Act  `json:"act"`
}

// RiskMessage is a request to accept a risk, and what became of it, in the thread of the report.
func RiskMessage(request *risk.Request, approvers []string, now time.Time) post.Message {
	page := new(mrkdwn.Builder)
	state, last := request.State(now)
	page.Say(riskHead(request, state, last))
	writeRisk(page, request)
	id := request.ID.String()
	switch state {
	case risk.Open:
		writeUndecided(page, request, approvers)
		page.Buttons("risk", blockkit.Button(ActionAccept, id, "Accept", slack.StylePrimary),
			blockkit.Button(ActionReject, id, "Reject…", slack.StyleDanger), withdrawButton(id))
	case risk.Accepted:
		page.Buttons("risk", withdrawButton(id))
	}
	return post.Message{Key: RiskKey(request.ID), Channel: request.Channel, Thread: Key(request.Report),
		Text: page.Text(), Blocks: page.Blocks, Urgent: true}
}

func withdrawButton(id string) *slack.ButtonBlockElement {
	return blockkit.Button(ActionWithdraw, id, "Withdraw…", "").WithConfirm(blockkit.Confirm("Withdraw it?",
		"Reports count the risk again. To accept it later, somebody has to ask anew.", "Withdraw", "Keep it"))
}

// riskHead says what became of a request.
func riskHead(request *risk.Request, state risk.State, last *risk.Vote) string {
	who := mrkdwn.Mention(request.By)
	switch state {
	case risk.Open:
		return fmt.Sprintf("%s *Accept this risk?* %s asks to accept it until %s.", mrkdwn.MarkAsk, who, request.Until)
	case risk.Accepted, risk.Over:
		names := make([]string, 0, request.Needs)
		for _, approver := range request.Approvers() {
			names = append(names, mrkdwn.Mention(approver))
		}
		by := fmt.Sprintf("by %s %s, asked by %s", strings.Join(names, " and "), blockkit.Date(last.At), who)
		if state == risk.Over {
			return fmt.Sprintf("%s *The risk was accepted until %s* %s. It counts again.", mrkdwn.MarkClock,
				request.Until, by)
		}
		return fmt.Sprintf("%s *Risk accepted until %s* %s. Reports no longer count it.", mrkdwn.MarkDone,
			request.Until, by)
	case risk.Rejected:
		return fmt.Sprintf("%s *Not accepted*: rejected by %s %s, asked by %s.\n>%s", mrkdwn.MarkFailed,
			mrkdwn.Mention(last.By), blockkit.Date(last.At), who, mrkdwn.Inline(mrkdwn.Summary(last.Reason)))
	case risk.Withdrawn:
		return fmt.Sprintf("%s *Withdrawn* by %s %s, asked by %s. Reports count the risk.", mrkdwn.MarkCancelled,
			mrkdwn.Mention(last.By), blockkit.Date(last.At), who)
	}
	return fmt.Sprintf("%s *Nobody decided in time*: the request of %s expired %s. Ask again in a newer report.",
		mrkdwn.MarkClock, who, blockkit.Date(request.Expires))
}

// writeRisk says which risk it is, why it can be accepted, and how its object is defined.
func writeRisk(page *mrkdwn.Builder, request *risk.Request) {
	page.Say(fmt.Sprintf("%s\n%s", riskName(request.Operation, request.Object),
		mrkdwn.Inline(mrkdwn.Summary(request.Finding))))
	page.Say("Why it can be accepted:\n>" + mrkdwn.Inline(request.Reason))
	page.Note(fmt.Sprintf("Until %s (UTC), and as long as the definition is %s", request.Until,
		blockkit.Code(request.Definition)))
}

// writeUndecided says who has to decide, and who did.
func writeUndecided(page *mrkdwn.Builder, request *risk.Request, approvers []string) {
	others := slices.DeleteFunc(slices.Clone(approvers), func(id string) bool { return id == request.By.ID })
	said := "A second operator must decide"
	if request.Needs > 1 {
		said = fmt.Sprintf("%d operators must accept", request.Needs)
	}
	page.Say(fmt.Sprintf("%s: %s. The request expires %s.", said, mrkdwn.MentionAny(others),
		blockkit.Date(request.Expires)))
	if accepted := request.Approvers(); len(accepted) > 0 {
		names := make([]string, len(accepted))
		for i, approver := range accepted {
			names[i] = mrkdwn.Mention(approver)
		}
		page.Note("Accepted so far by " + strings.Join(names, " and "))
	}
	if request.Confirm == onboarding.ConfirmTOTP {
		page.Note("A code of their authenticator app is required.")
	}
}

// DecideForm asks for what a decision on a request still needs.
func DecideForm(
	request *risk.Request, act risk.Act, needed *onboarding.ConfirmationNeededError,
) slack.ModalViewRequest {
	titleText, submit, label := "Accept a risk", "Accept", "Why?"
	if act == risk.Reject {
		titleText, submit, label = "Reject a risk", "Reject", "Why not?"
	}
	meta, err := json.Marshal(DecideMeta{Risk: request.ID, Act: act})
	if err != nil {
		panic(err) // an id and a word always encode
	}
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("%s asks to accept this risk until %s.", mrkdwn.Mention(request.By), request.Until))
	writeRisk(&page, request)
	if needed.Reason {
		page.Blocks = append(page.Blocks, render.ReasonInput(label, "requester", true))
	}
	if needed.Code {
		page.Blocks = append(page.Blocks, render.CodeInput())
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ViewDecide, PrivateMetadata: string(meta),
		Title:  blockkit.Plain(titleText, blockkit.MaxViewTitle),
		Submit: blockkit.Plain(submit, blockkit.MaxViewTitle), Close: blockkit.Plain("Back", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: page.Blocks},
	}
}

// DecidedText says to somebody why what they did about a request changed nothing.
func DecidedText(decided *risk.DecidedError, now time.Time) string {
	if decided.State == risk.Open {
		return "Your decision was counted before. Another operator has to accept the risk as well."
	}
	_, last := decided.Request.State(now)
	return riskHead(decided.Request, decided.State, last) + "\nYour click changed nothing."
}

// AskedText says to somebody who asks that there is a request already. The link may be empty.
func AskedText(decided *risk.DecidedError, link string) string {
	asked := fmt.Sprintf("%s has asked already to accept this risk, until %s", mrkdwn.Mention(decided.Request.By),
		decided.Request.Until)
	if decided.State == risk.Accepted {
		asked = fmt.Sprintf("This risk is accepted already, until %s", decided.Request.Until)
	}
	if link != "" {
		asked += " (" + blockkit.Link(link, "see the request") + ")"
	}
	return asked + "."
}
