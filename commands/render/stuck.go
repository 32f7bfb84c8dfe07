package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

// stuckMessage is the message about a step that continues only after somebody presses Retry. It is
// a message of its own because an update would not notify anybody.
func stuckMessage(view *onboarding.View, event onboarding.Event) post.Message {
	var page mrkdwn.Builder
	step := view.Step(event.Step)
	name := "*" + mrkdwn.Inline(title(step.Definition)) + "*"
	requester := mrkdwn.Mention(view.Requester)
	retry := "Retry checks again first, and requests approval before it changes anything."
	// What preflight found and what an approver rejected may be a typing error in the request.
	editable := view.Kind == onboarding.KindOnboard &&
		(event.Kind == onboarding.EventRejected || step.Key.Kind() == onboarding.KindPreflight)
	switch event.Kind {
	case onboarding.EventRejected:
		page.Say(fmt.Sprintf("%s %s was rejected by %s: %s\n%s, sort it out with them, then retry or cancel.",
			mrkdwn.MarkFailed, name, mrkdwn.Mention(event.Actor), mrkdwn.Inline(mrkdwn.Summary(event.Text)),
			requester))
		retry = "Retry requests approval again."
	case onboarding.EventExpired:
		page.Say(fmt.Sprintf("%s Nobody decided on %s in time.\n%s, retry or cancel.",
			mrkdwn.MarkWarning, name, requester))
		retry = "Retry requests approval again."
	case onboarding.EventUnknown:
		page.Say(fmt.Sprintf("%s The outcome of %s is unknown.\n%s, check what it did before you retry.",
			mrkdwn.MarkWarning, name, requester))
		page.Parts(mrkdwn.Part{Body: blockkit.Truncate(mrkdwn.Visible(event.Text), 1000)})
	default:
		page.Say(fmt.Sprintf("%s %s failed.\n%s, this is the error:", mrkdwn.MarkFailed, name, requester))
		page.Parts(mrkdwn.Part{Body: blockkit.Truncate(mrkdwn.Visible(failureText(view, step, event)), 1000)})
		if attempt := lastAttempt(view, event); attempt != nil && schedule.LastLines(attempt) != "" {
			page.Parts(mrkdwn.Part{Head: "Last lines of its output", Body: schedule.LastLines(attempt)})
		}
	}
	if end := resolution(view, step, event); end != "" {
		page.Note(end)
	} else {
		run := view.ID.String()
		if editable {
			retry += " Edit and ask again… opens the request first; what was applied stays as it is."
		}
		page.Note(retry)
		buttons := []*slack.ButtonBlockElement{blockkit.Button(ActionRetry, run, "Retry", slack.StylePrimary)}
		if len(view.Stuck()) > 1 {
			buttons = append(buttons, blockkit.Button(ActionAgain, run, "Retry all", ""))
		}
		if editable {
			buttons = append(buttons, blockkit.Button(ActionEdit, run, "Edit and ask again…", ""))
		}
		page.Buttons(stepID(stepIndex(view.Run, step.Key)), append(buttons, cancelButton(view.Run))...)
	}
	return post.Message{Key: eventKey(event), Channel: view.Channel, Thread: RootKey(view.ID), Text: page.Text(),
		Blocks: page.Blocks}
}

// failureText returns the text of an event. If the step failed because of findings, and has not
// gone on since, it returns all of them with their fixes.
func failureText(view *onboarding.View, step *onboarding.Step, event onboarding.Event) string {
	newest := lastEvent(view, event.Step, onboarding.EventFailed)
	if newest == nil || newest.ID != event.ID || !step.State.Stuck() {
		return event.Text
	}
	var lines []string
	for _, finding := range step.Findings {
		if finding.Level == onboarding.Failed {
			lines = append(lines, mrkdwn.OneLine(finding.Name+": "+advice(finding)))
		}
	}
	if len(lines) == 0 {
		return event.Text
	}
	return strings.Join(lines, "\n")
}

// resolution says how the trouble was resolved. It is empty while the step still needs somebody.
func resolution(view *onboarding.View, step *onboarding.Step, event onboarding.Event) string {
	for _, later := range view.Events {
		switch {
		case later.ID <= event.ID:
		case later.Kind == onboarding.EventRetried && later.Step == event.Step:
			return fmt.Sprintf("Retried by %s %s.", mrkdwn.Mention(later.Actor), blockkit.Date(later.At))
		case later.Kind == onboarding.EventCancelled:
			return fmt.Sprintf("Cancelled by %s %s.", mrkdwn.Mention(later.Actor), blockkit.Date(later.At))
		}
	}
	if view.State != onboarding.RunActive || !step.State.Stuck() {
		return "Resolved."
	}
	return ""
}

// lastAttempt returns the newest attempt under an event's approval, nil if there is none.
func lastAttempt(view *onboarding.View, event onboarding.Event) *onboarding.Attempt {
	attempts := attemptsUnder(view, event.Approval)
	if event.Approval == uuid.Nil || len(attempts) == 0 {
		return nil
	}
	return attempts[len(attempts)-1]
}

// cancelButton cancels the run after a confirmation.
func cancelButton(run *onboarding.Run) *slack.ButtonBlockElement {
	button := blockkit.Button(ActionCancel, run.ID.String(), "Cancel run", slack.StyleDanger)
	return button.WithConfirm(blockkit.Confirm(fmt.Sprintf("Cancel the %s %s?", Undertaking(run), run.Request.Slug),
		cancelEffect(run),
		"Cancel run", "Keep running"))
}

// cancelEffect says what cancelling a run does.
func cancelEffect(run *onboarding.Run) string {
	stays := "nothing was applied yet"
	if run.Changed {
		stays = "applied changes stay in place"
	}
	return "It stops where it is: " + stays + ", and open approval requests are withdrawn."
}

func eventKey(event onboarding.Event) string {
	return fmt.Sprintf("%s/event/%d", RootKey(event.RunID), event.ID)
}

// stepIndex returns the index of the step of a key, -1 if the run has none.
func stepIndex(run *onboarding.Run, key onboarding.Key) int {
	return slices.IndexFunc(run.Steps, func(step onboarding.Step) bool { return step.Key == key })
}
