package commands

import (
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding"
)

// trouble is the message about a step that goes on only after somebody presses Retry. It is one of its own, so that it notifies.
func (s scribe) trouble(view *onboarding.View, event onboarding.Event) outbox.Message {
	var page sheet
	step := view.Step(event.Step)
	name := "*" + inline(title(step.Definition)) + "*"
	requester := mention(view.Requester)
	retry := "Retry looks again before anything else, and asks again before it changes anything."
	switch event.Kind {
	case onboarding.EventRejected:
		page.say(fmt.Sprintf("%s %s was rejected by %s: %s\n%s, settle it with them, then retry or cancel.",
			markFailed, name, mention(event.Actor), inline(cause(event.Text)), requester))
		retry = "Retry asks again."
	case onboarding.EventExpired:
		page.say(fmt.Sprintf("%s Nobody decided on %s in time.\n%s, retry to ask again.", markWarning, name, requester))
		retry = "Retry asks again."
	case onboarding.EventUnknown:
		page.say(fmt.Sprintf("%s What became of %s cannot be told.\n%s, look for yourself before you retry.", markWarning, name, requester))
		page.parts(part{body: blockkit.Truncate(visible(event.Text), 1000)})
	default:
		page.say(fmt.Sprintf("%s %s failed.\n%s, this is what it says:", markFailed, name, requester))
		page.parts(part{body: blockkit.Truncate(visible(failures(view, step, event)), 1000)})
		if attempt := lastAttempt(view, event); attempt != nil && tail(attempt) != "" {
			page.parts(part{head: "Its last lines", body: tail(attempt)})
		}
	}
	if end := s.settled(view, step, event); end != "" {
		page.note(end)
	} else {
		run := view.ID.String()
		page.note(retry)
		buttons := []*slack.ButtonBlockElement{blockkit.Button(actionRetry, run, "Retry", slack.StylePrimary)}
		if len(view.Stuck()) > 1 {
			buttons = append(buttons, blockkit.Button(actionAgain, run, "Retry all", ""))
		}
		page.buttons(stepID(place(view.Run, step)), append(buttons, cancelButton(view.Run))...)
	}
	return outbox.Message{Key: eventKey(event), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
}

// failures is what an event says, and where that is the first of what was found, all of it with what mends each.
func failures(view *onboarding.View, step *onboarding.Step, event onboarding.Event) string {
	newest := lastEvent(view, event.Step, onboarding.EventFailed)
	if newest == nil || newest.ID != event.ID || !step.State.Stuck() {
		return event.Text
	}
	var lines []string
	for _, finding := range step.Findings {
		if finding.Level == onboarding.Failed {
			lines = append(lines, strings.TrimSpace(oneLine(finding.Name+": "+finding.Detail)+" "+oneLine(finding.Fix)))
		}
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], oneLine(event.Text)) {
		return event.Text
	}
	return strings.Join(lines, "\n")
}

// settled says what was done about the trouble, empty while it still waits for somebody.
func (s scribe) settled(view *onboarding.View, step *onboarding.Step, event onboarding.Event) string {
	for _, later := range view.Events {
		switch {
		case later.ID <= event.ID:
		case later.Kind == onboarding.EventRetried && later.Step == event.Step:
			return fmt.Sprintf("Retried by %s %s.", mention(later.Actor), blockkit.Date(later.At))
		case later.Kind == onboarding.EventCancelled:
			return fmt.Sprintf("Cancelled by %s %s.", mention(later.Actor), blockkit.Date(later.At))
		}
	}
	if view.State != onboarding.RunActive || !step.State.Stuck() {
		return "This is settled."
	}
	return ""
}

// lastAttempt returns the attempt that an event is about, nil if it is about none.
func lastAttempt(view *onboarding.View, event onboarding.Event) *onboarding.Attempt {
	attempts := attemptsUnder(view, event.Approval)
	if event.Approval == uuid.Nil || len(attempts) == 0 {
		return nil
	}
	return attempts[len(attempts)-1]
}

// cancelButton ends the run, after asking once more.
func cancelButton(run *onboarding.Run) *slack.ButtonBlockElement {
	button := blockkit.Button(actionCancel, run.ID.String(), "Cancel run", slack.StyleDanger)
	return button.WithConfirm(blockkit.Confirm("Cancel this run?",
		fmt.Sprintf("The %s %s ends where it stands. What was applied stays; open questions are withdrawn.", undertaking(run), run.Request.Slug),
		"Cancel run", "Keep it"))
}

func eventKey(event onboarding.Event) string {
	return fmt.Sprintf("%s/event/%d", rootKey(event.RunID), event.ID)
}

// place is where a step stands in its run.
func place(run *onboarding.Run, step *onboarding.Step) int {
	for i := range run.Steps {
		if run.Steps[i].Key == step.Key {
			return i
		}
	}
	return -1
}
