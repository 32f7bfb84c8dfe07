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
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

// The buttons of a request to accept a risk, whose value is its id, and the form for what a
// decision needs.
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

// Audience is who is told of requests to accept a risk, and when.
type Audience struct {
	// Mentioned are the people and user groups that the thread mentions, Direct the people who get
	// direct messages. Absences say who gets what instead of them.
	Mentioned, Direct []string
	Absences          []onboarding.Absence
	// RemindBefore is how long before a request expires they are reminded of it.
	RemindBefore time.Duration
}

// covered returns who gets what is meant for people, at a time: without who asked for the request.
func (a Audience) covered(ids []string, request *risk.Request, at time.Time) []string {
	return slices.DeleteFunc(onboarding.Covered(ids, a.Absences, request.By.ID, at), func(id string) bool {
		return id == request.By.ID
	})
}

// RemindAt is when the audience is reminded of a request.
func (a Audience) RemindAt(request *risk.Request) time.Time {
	return request.Expires.Add(-a.RemindBefore)
}

// RiskMessages are a request to accept a risk with what became of it, in the thread of the report
// and as direct messages, and the reminder of it once that is due.
func RiskMessages(request *risk.Request, to Audience, now time.Time) []post.Message {
	whole := riskMessage(request, to, now)
	messages := []post.Message{whole}
	closed := request.Expires
	if _, last := request.State(now); last != nil {
		closed = last.At
	}
	if now.Sub(closed) <= render.DirectMessageWindow {
		messages = append(messages, to.directly(whole, request, request.Asked)...)
	}
	if at := to.RemindAt(request); !now.Before(at) && at.After(request.Asked) && request.WasOpen(at) {
		reminder := riskReminder(request, to, now)
		messages = append(messages, reminder)
		if now.Sub(at) <= render.DirectMessageWindow {
			messages = append(messages, to.directly(reminder, request, at)...)
		}
	}
	return messages
}

// directly returns a message about a request as those get it who get direct messages.
func (a Audience) directly(message post.Message, request *risk.Request, at time.Time) []post.Message {
	head := fmt.Sprintf("A risk in an isolation report, requested by %s in %s", mrkdwn.Mention(request.By),
		blockkit.Channel(request.Channel))
	var messages []post.Message
	for _, person := range a.covered(a.Direct, request, at) {
		messages = append(messages, render.Directly(message, person, head))
	}
	return messages
}

// riskReminder asks again for a decision.
func riskReminder(request *risk.Request, to Audience, now time.Time) post.Message {
	page := new(mrkdwn.Builder)
	names := []string{"The risk " + riskName(request.Operation, request.Object)}
	if state, _ := request.State(now); state != risk.Open {
		page.Say(render.DecisionClosed(names, state == risk.Expired))
	} else {
		page.Say(render.DecisionNeeded(names, "the report's thread", request.Expires))
		if who := to.undecided(request); len(who) > 0 {
			page.Say(mrkdwn.MentionAny(who))
		}
	}
	return post.Message{Key: RiskKey(request.ID) + "/reminder", Channel: request.Channel, Thread: Key(request.Report),
		Text: page.Text(), Blocks: page.Blocks, Urgent: true}
}

// undecided returns whom the thread mentions: those of the approvers who have not decided.
func (a Audience) undecided(request *risk.Request) []string {
	return slices.DeleteFunc(a.covered(a.Mentioned, request, request.Asked), func(id string) bool {
		return slices.ContainsFunc(request.Votes, func(vote risk.Vote) bool { return vote.By.ID == id })
	})
}

// PendingRisk is a request on the Home tab of somebody who can decide. The link may be empty.
func PendingRisk(request *risk.Request, link string) render.PendingItem {
	id := request.ID.String()
	name := riskName(request.Operation, request.Object)
	item := render.PendingItem{Line: fmt.Sprintf("%s Accept the risk %s? Requested by %s%s", mrkdwn.MarkAsk, name,
		mrkdwn.Mention(request.By), render.ThreadLink(link))}
	page := new(mrkdwn.Builder)
	page.Say(item.Line + "\n" + mrkdwn.Inline(mrkdwn.Summary(request.Finding)))
	writeWhy(page, request)
	about := blockkit.Unmarked(name)
	page.Buttons("home/risk/"+id,
		blockkit.About(blockkit.Button(ActionAccept, id, "Accept", slack.StylePrimary), about),
		blockkit.About(blockkit.Button(ActionReject, id, "Reject…", slack.StyleDanger), about))
	page.Note("Expires " + blockkit.Date(request.Expires))
	item.Blocks = page.Blocks
	return item
}

// riskMessage is a request to accept a risk, and what became of it, in the thread of the report.
func riskMessage(request *risk.Request, to Audience, now time.Time) post.Message {
	page := new(mrkdwn.Builder)
	state, last := request.State(now)
	page.Say(riskHead(request, state, last))
	writeRisk(page, request)
	id := request.ID.String()
	switch state {
	case risk.Open:
		writeUndecided(page, request, to.undecided(request))
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
		"Reports count the risk again. To accept it later, somebody has to ask again.", "Withdraw", "Keep it"))
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
		by := fmt.Sprintf("by %s %s, requested by %s", strings.Join(names, " and "), blockkit.Date(last.At), who)
		if state == risk.Over {
			return fmt.Sprintf("%s *The risk was accepted until %s* %s. It counts again.", mrkdwn.MarkClock,
				request.Until, by)
		}
		return fmt.Sprintf("%s *Risk accepted until %s* %s. Reports no longer count it.", mrkdwn.MarkDone,
			request.Until, by)
	case risk.Rejected:
		return fmt.Sprintf("%s *Not accepted*: rejected by %s %s, requested by %s.\n>%s", mrkdwn.MarkFailed,
			mrkdwn.Mention(last.By), blockkit.Date(last.At), who, mrkdwn.Inline(mrkdwn.Summary(last.Reason)))
	case risk.Withdrawn:
		return fmt.Sprintf("%s *Withdrawn* by %s %s, requested by %s. Reports count the risk.", mrkdwn.MarkCancelled,
			mrkdwn.Mention(last.By), blockkit.Date(last.At), who)
	}
	return fmt.Sprintf("%s *Nobody decided in time*: the request of %s expired %s. Ask again in a newer report.",
		mrkdwn.MarkClock, who, blockkit.Date(request.Expires))
}

// writeRisk says which risk it is, why it can be accepted, and how its object is defined.
func writeRisk(page *mrkdwn.Builder, request *risk.Request) {
	page.Say(fmt.Sprintf("%s\n%s", riskName(request.Operation, request.Object),
		mrkdwn.Inline(mrkdwn.Summary(request.Finding))))
	writeWhy(page, request)
}

// writeWhy says why a risk can be accepted, and for how long.
func writeWhy(page *mrkdwn.Builder, request *risk.Request) {
	page.Say("Why it can be accepted:\n>" + mrkdwn.Inline(request.Reason))
	page.Note(fmt.Sprintf("Until %s (UTC), or until %s changes. Its definition now: %s", request.Until,
		blockkit.Code(cell(request.Object)), blockkit.Code(request.Definition)))
}

// writeUndecided says who has to decide, and who did.
func writeUndecided(page *mrkdwn.Builder, request *risk.Request, approvers []string) {
	said := "A second operator must decide"
	if request.Needs > 1 {
		said = fmt.Sprintf("%d operators must accept", request.Needs)
	}
	if len(approvers) > 0 {
		said += ": " + mrkdwn.MentionAny(approvers)
	}
	page.Say(fmt.Sprintf("%s. The request expires %s.", said, blockkit.Date(request.Expires)))
	if accepted := request.Approvers(); len(accepted) > 0 {
		names := make([]string, len(accepted))
		for i, approver := range accepted {
			names[i] = mrkdwn.Mention(approver)
		}
		page.Note("Accepted so far by " + strings.Join(names, " and "))
	}
	if request.Confirm == onboarding.ConfirmTOTP {
		page.Note("To accept it, a code from an authenticator app is required.")
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
		page.Blocks = append(page.Blocks, refusal.ReasonInput(label, "requester", true))
	}
	if needed.Code {
		page.Blocks = append(page.Blocks, refusal.CodeInput())
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
		return "Your vote was counted. Another operator must accept the risk as well."
	}
	_, last := decided.Request.State(now)
	return riskHead(decided.Request, decided.State, last) + "\nYour press changed nothing."
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
