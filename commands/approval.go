package commands

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding"
)

func approvalKey(approval *onboarding.Approval) string {
	return rootKey(approval.RunID) + "/approval/" + approval.ID.String()
}

// approval is the question about one change, and what became of it: asked, decided, under way, done.
func (s scribe) approval(view *onboarding.View, approval *onboarding.Approval, now time.Time) outbox.Message {
	var page sheet
	name := stepName(view, approval.Step)
	attempts := attemptsUnder(view, approval.ID)
	mark, words := outcome(approval, attempts)
	if s.freeze != nil && approval.State == onboarding.ApprovalApproved && len(attempts) == 0 {
		mark, words = markFrozen, "approved, and held"
	}
	page.say(fmt.Sprintf("%s *%s*: %s\n%s", mark, blockkit.Escape(name), words, inline(cause(approval.Change.Summary))))
	open := approval.State == onboarding.ApprovalOpen
	if open {
		page.note(why(approval.Step))
	}
	parts := partsOf(approval.Change)
	room := roomy
	if settled(approval) {
		room = brief
	}
	shown, hidden := excerpt(parts, room)
	page.parts(shown...)
	if approval.Drift != "" {
		moved, more := excerpt([]part{{head: "What moved since the approval", body: visible(approval.Drift)}}, room)
		hidden += more
		page.parts(moved...)
	}
	if open {
		s.remarks(&page, view.Step(approval.Step))
	}
	s.decisions(&page, view, approval)
	if s.freeze != nil && !settled(approval) {
		page.say(held(s.freeze))
	}
	for _, attempt := range attempts {
		course(&page, attempt, now)
	}
	page.note(s.small(approval, hidden))
	var buttons []*slack.ButtonBlockElement
	id := approval.ID.String()
	if open {
		buttons = append(buttons, blockkit.Button(actionApprove, id, "Approve", slack.StylePrimary), blockkit.Button(actionReject, id, "Reject…", slack.StyleDanger))
	}
	if hidden > 0 {
		buttons = append(buttons, blockkit.Button(actionShow, id, "Show all", ""))
	}
	if open && s.glass {
		buttons = append(buttons, blockkit.Button(actionGlass, id, "Break the glass…", ""))
	}
	if len(buttons) > 0 {
		page.buttons("approval", buttons...)
	}
	return outbox.Message{Key: approvalKey(approval), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
}

// settled reports that nothing more comes of a question: then it is a record, which shows less of itself.
func settled(approval *onboarding.Approval) bool {
	return approval.State != onboarding.ApprovalOpen && approval.State != onboarding.ApprovalApproved
}

// outcome is the head of the message: a mark, and where the change stands.
func outcome(approval *onboarding.Approval, attempts []*onboarding.Attempt) (mark, words string) {
	switch approval.State {
	case onboarding.ApprovalOpen, onboarding.ApprovalAhead:
		return markAsk, "approval needed"
	case onboarding.ApprovalRejected:
		return markFailed, "rejected"
	case onboarding.ApprovalLapsed:
		return markWarning, "not applied, since the world moved. It is asked again below"
	case onboarding.ApprovalExpired:
		return markWarning, "nobody decided in time"
	case onboarding.ApprovalWithdrawn:
		return markCancelled, "withdrawn, since the run is cancelled"
	}
	if len(attempts) == 0 {
		if approval.State == onboarding.ApprovalUsed {
			return markDone, "nothing was left to do"
		}
		return markBusy, "approved, about to start"
	}
	switch attempts[len(attempts)-1].Outcome {
	case onboarding.OutcomeDone:
		return markDone, "done"
	case onboarding.OutcomeFailed:
		return markFailed, "failed"
	case onboarding.OutcomeInterrupted:
		if approval.State == onboarding.ApprovalUsed {
			return markDone, "done"
		}
		return markBusy, "cut short by a restart, looking again"
	}
	return markBusy, "under way"
}

// remarks writes what was checked and is not as it should be, for whoever decides.
func (s scribe) remarks(page *sheet, step *onboarding.Step) {
	if step == nil {
		return
	}
	for _, finding := range step.Findings {
		if finding.Level != onboarding.OK {
			page.note(fmt.Sprintf("%s %s: %s", markWarning, inline(finding.Name), inline(cause(finding.Detail+" "+finding.Fix))))
		}
	}
}

// decisions writes who decided what, and who may.
func (s scribe) decisions(page *sheet, view *onboarding.View, approval *onboarding.Approval) {
	agreed := 0
	for _, vote := range approval.Votes {
		line := fmt.Sprintf("%s Rejected by %s %s", markFailed, mention(vote.By), blockkit.Date(vote.At))
		switch {
		case vote.BrokeGlass:
			line = fmt.Sprintf("%s %s broke the glass %s", markWarning, mention(vote.By), blockkit.Date(vote.At))
		case vote.Agrees:
			agreed++
			line = fmt.Sprintf("%s Approved by %s %s", markDone, mention(vote.By), blockkit.Date(vote.At))
			if approval.Needs > 1 {
				line += fmt.Sprintf(", %d of %d", agreed, approval.Needs)
			}
		}
		if vote.Reason != "" {
			line += ": " + inline(cause(vote.Reason))
		}
		page.say(line)
	}
	if approval.State != onboarding.ApprovalOpen {
		return
	}
	who := "A second operator decides"
	switch needs := approval.Needs - agreed; {
	case needs > 1:
		who = fmt.Sprintf("%d different operators decide", needs)
	case agreed > 0:
		who = "One more operator decides"
	}
	if may := s.mayApprove(view.Requester.ID, approval); len(may) > 0 && s.notify.mentions() {
		who += ": " + calls(may)
	}
	if approval.ReasonNeeded {
		who += ". A reason is needed"
	}
	page.say(who + ".")
}

// mayApprove lists whom the configuration names as approvers, but for the requester and those who voted.
func (s scribe) mayApprove(requester string, approval *onboarding.Approval) []string {
	return slices.DeleteFunc(slices.Clone(s.approvers), func(id string) bool {
		return id == requester || slices.ContainsFunc(approval.Votes, func(vote onboarding.Vote) bool { return vote.By.ID == id })
	})
}

// small is the line of what identifies the question.
func (s scribe) small(approval *onboarding.Approval, hidden int) string {
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

// course writes how one attempt goes or went.
func course(page *sheet, attempt *onboarding.Attempt, now time.Time) {
	lasted := took(attempt.Finished.Sub(attempt.Started))
	switch attempt.Outcome {
	case onboarding.OutcomeDone:
		page.say(fmt.Sprintf("%s Done in %s.", markDone, lasted))
	case onboarding.OutcomeFailed:
		page.say(fmt.Sprintf("%s Failed after %s: %s", markFailed, lasted, inline(cause(attempt.Error))))
	case onboarding.OutcomeInterrupted:
		page.say(fmt.Sprintf("%s Cut short by a restart after %s.", markWarning, lasted))
	default:
		page.say(fmt.Sprintf("%s Working, %s.", markBusy, runningFor(now, attempt.Started)))
		page.parts(part{body: tail(attempt)})
	}
}

// colours are what programs print for terminals (ECMA-48 §8.3.117, SGR).
var colours = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// tail is the last lines that an attempt printed, cut to what a message can take.
func tail(attempt *onboarding.Attempt) string {
	const width = 160
	lines := make([]string, len(attempt.Tail))
	for i, line := range attempt.Tail {
		lines[i] = blockkit.Truncate(visible(colours.ReplaceAllString(line, "")), width)
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
