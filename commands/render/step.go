package render

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// title returns a step's name for people: what it is, and of which domain.
func title(definition onboarding.Definition) string {
	name := cmp.Or(mrkdwn.OneLine(definition.Title), string(definition.Key.Kind()))
	if domain := definition.Key.Domain(); domain != "" && !strings.Contains(name, domain) {
		name += " · " + domain
	}
	return blockkit.Truncate(name, mrkdwn.MaxName)
}

// StepName returns the title of one of a run's steps.
func StepName(run *onboarding.Run, key onboarding.Key) string {
	if step := run.Step(key); step != nil {
		return title(step.Definition)
	}
	return string(key.Kind())
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
	return "approved in advance by " + strings.Join(names, " and ")
}

// nothingLeft is what a step or a change says that found its work done.
const nothingLeft = "nothing was left to do"

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
			return nothingLeft
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
