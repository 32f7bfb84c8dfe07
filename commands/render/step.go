package render

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// title returns a step's name for people: what it is, and of which domain.
func title(definition onboarding.Definition) string {
	name := mrkdwn.OneLine(definition.Title)
	if name == "" {
		name = string(definition.Key.Kind())
	}
	if domain := definition.Key.Domain(); domain != "" && !strings.Contains(name, domain) {
		name += " · " + domain
	}
	return blockkit.Truncate(name, mrkdwn.MaxName)
}

// StepName returns the title of one of a run's steps.
func StepName(view *onboarding.View, key onboarding.Key) string {
	if step := view.Step(key); step != nil {
		return title(step.Definition)
	}
	return string(key.Kind())
}

// taskStatus returns a step's state as Slack's plan block names it.
func taskStatus(state onboarding.StepState) slack.TaskCardStatus {
	switch {
	case state == onboarding.StepDone:
		return slack.TaskCardStatusComplete
	case state.Stuck():
		return slack.TaskCardStatusError
	case state == onboarding.StepPending:
		return slack.TaskCardStatusPending
	}
	return slack.TaskCardStatusInProgress
}

// stepMark returns the mark of a step's state, for text without a plan block.
func stepMark(state onboarding.StepState) string {
	switch {
	case state == onboarding.StepDone:
		return mrkdwn.MarkDone
	case state.Stuck():
		return mrkdwn.MarkFailed
	case state == onboarding.StepPending:
		return mrkdwn.MarkPending
	case state == onboarding.StepAsking:
		return mrkdwn.MarkAsk
	}
	return mrkdwn.MarkBusy
}

// lastEvent returns the newest event of some kinds about a step, nil if there is none.
func lastEvent(view *onboarding.View, key onboarding.Key, kinds ...onboarding.EventKind) *onboarding.Event {
	for i := len(view.Events) - 1; i >= 0; i-- {
		event := &view.Events[i]
		if event.Step != key {
			continue
		}
		for _, kind := range kinds {
			if event.Kind == kind {
				return event
			}
		}
	}
	return nil
}

// aboutToStart is the status of an approved step that no freeze holds.
const aboutToStart = "approved, about to start"

// stepStatus says where a step stands. It is empty for a step whose turn has not come.
func stepStatus(view *onboarding.View, step *onboarding.Step) string {
	switch step.State {
	case onboarding.StepPending:
		return aheadStatus(view, step)
	case onboarding.StepWaiting:
		return mrkdwn.FirstLine(step.Detail)
	case onboarding.StepAsking:
		return "needs approval"
	case onboarding.StepApproved:
		return aboutToStart
	case onboarding.StepApplying:
		return "in progress"
	case onboarding.StepFailed:
		return "failed: " + mrkdwn.FirstLine(step.Detail)
	case onboarding.StepRejected:
		return "rejected: " + mrkdwn.FirstLine(step.Detail)
	case onboarding.StepExpired:
		return "nobody decided in time"
	case onboarding.StepUnknown:
		return "outcome unknown: " + mrkdwn.FirstLine(step.Detail)
	case onboarding.StepDone:
		return doneStatus(view, step)
	}
	return ""
}

// aheadStatus says who approved a step before its turn, empty if nobody did.
func aheadStatus(view *onboarding.View, step *onboarding.Step) string {
	var names []string
	for _, approval := range view.Approvals {
		if approval.Step != step.Key || approval.State != onboarding.ApprovalAheadApproved {
			continue
		}
		names = nil
		for _, vote := range approval.Votes {
			names = append(names, mrkdwn.OneLine(vote.By.Name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "approved ahead by " + strings.Join(names, " and ")
}

// doneStatus says how a step was done, empty for a step that changes nothing.
func doneStatus(view *onboarding.View, step *onboarding.Step) string {
	var id uuid.UUID
	var took time.Duration
	if event := lastEvent(view, step.Key, onboarding.EventDone); event != nil {
		id, took = event.Approval, event.Took
	}
	// A step that waited after its change was applied ends without another application.
	for _, attempt := range slices.Backward(view.Attempts) {
		if id == uuid.Nil && attempt.Step == step.Key && attempt.Outcome == onboarding.OutcomeDone {
			id, took = attempt.Approval, attempt.Finished.Sub(attempt.Started)
		}
	}
	if id == uuid.Nil {
		if step.Destructive {
			return "nothing was left to do"
		}
		return ""
	}
	words := "done"
	if took > 0 {
		words = "done in " + mrkdwn.Duration(took)
	}
	var names []string
	if approval := view.Approval(id); approval != nil {
		for _, vote := range approval.Votes {
			switch {
			case vote.BrokeGlass:
				return words + ", glass broken by " + mrkdwn.OneLine(vote.By.Name)
			case vote.Agrees:
				names = append(names, mrkdwn.OneLine(vote.By.Name))
			}
		}
	}
	if len(names) > 0 {
		words += ", approved by " + strings.Join(names, " and ")
	}
	return words
}
