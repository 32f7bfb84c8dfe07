package render

import (
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/onboarding"
)

// Placed moves the messages of a renewal to the thread of the run that made the domain live.
// Slack has no threads within threads.
func Placed(view *onboarding.View, messages []post.Message) []post.Message {
	if view.Renews == uuid.Nil {
		return messages
	}
	for i := range messages {
		if messages[i].Channel == view.Channel {
			messages[i].Thread = RootKey(view.Renews)
		}
	}
	return messages
}

// Thread returns a run as messages, the root first, in the order of events. Keys depend on the
// run alone, so a later view of it has the same messages and perhaps more.
func (r Renderer) Thread(view *onboarding.View, now time.Time) []post.Message {
	messages := []post.Message{r.rootMessage(view)}
	asked := map[uuid.UUID]bool{}
	told := map[onboarding.Key]bool{}
	together := map[int64]bool{}  // events that an earlier message covers
	var checks []*onboarding.Step // those that change nothing share a message
	for i, event := range view.Events {
		step := view.Step(event.Step)
		switch event.Kind {
		case onboarding.EventAsked, onboarding.EventApplying, onboarding.EventLapsed:
			approval := view.Approval(event.Approval)
			if approval == nil || asked[approval.ID] {
				break
			}
			asked[approval.ID] = true
			if approval.AskedWith == uuid.Nil {
				messages = append(messages, r.requestMessage(view, approval, now))
			}
		case onboarding.EventApproved:
			if ahead := aheadVotes(view, i, asked); len(ahead) > 0 && !together[event.ID] {
				markCovered(together, ahead)
				messages = append(messages, aheadMessage(view, ahead))
			}
		case onboarding.EventForged:
			messages = append(messages, r.forgeryMessage(view, event, now))
		case onboarding.EventLockedOut:
			messages = append(messages, r.lockedOutMessage(view, event))
		case onboarding.EventBrokeGlass:
			messages = append(messages, r.breakGlassMessage(view, event))
		case onboarding.EventEscalated, onboarding.EventReminded:
			if calls := burst(view, i); len(calls) > 0 && !together[event.ID] {
				markCovered(together, calls)
				messages = append(messages, r.callMessage(view, calls))
			}
		case onboarding.EventFinished:
			messages = append(messages, r.finishedMessage(view, event))
		case onboarding.EventCancelled:
			messages = append(messages, r.cancelledMessage(view, event))
		}
		if step == nil {
			continue
		}
		if !told[step.Key] && (event.Kind == onboarding.EventWaiting || reportsFindings(step, event.Kind)) {
			told[step.Key] = true
			if step.Destructive || len(checks) == 0 {
				messages = append(messages, findingsMessage(view, step))
			}
			if !step.Destructive {
				checks = append(checks, step)
			}
		}
		if needsPerson(event.Kind) {
			messages = append(messages, stuckMessage(view, event))
		}
	}
	if len(checks) > 1 {
		shared := findingsMessage(view, checks...)
		for i := range messages {
			if messages[i].Key == shared.Key {
				messages[i] = shared
			}
		}
	}
	return messages
}

// burstWindow is the longest time between the first and the last event of one submission or one
// moment.
const burstWindow = 10 * time.Second

// burst returns the events of this kind from the same moment, this one first. It returns nil if
// the event is about no approval.
func burst(view *onboarding.View, at int) []onboarding.Event {
	first := view.Events[at]
	var events []onboarding.Event
	for _, event := range view.Events[at:] {
		if event.At.Sub(first.At) > burstWindow {
			break
		}
		known := event.Kind == first.Kind && view.Approval(event.Approval) != nil && view.Step(event.Step) != nil
		if known {
			events = append(events, event)
		} else if event.ID == first.ID {
			return nil
		}
	}
	return events
}

func markCovered(together map[int64]bool, events []onboarding.Event) {
	for _, event := range events {
		together[event.ID] = true
	}
}

// reportsFindings reports whether an event ends a step that changes nothing, so its findings are
// shown.
func reportsFindings(step *onboarding.Step, kind onboarding.EventKind) bool {
	return !step.Destructive && (kind == onboarding.EventDone || kind == onboarding.EventFailed)
}

func needsPerson(kind onboarding.EventKind) bool {
	switch kind {
	case onboarding.EventFailed, onboarding.EventUnknown, onboarding.EventRejected, onboarding.EventExpired:
		return true
	}
	return false
}
