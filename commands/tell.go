package commands

import (
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

// Notify is where approvers hear of a question.
type Notify string

// The places. In the thread they are mentioned; a direct message has the question itself, with its buttons.
const (
	NotifyThread Notify = "thread"
	NotifyDirect Notify = "dm"
	NotifyBoth   Notify = "both"
)

func (n Notify) mentions() bool { return n != NotifyDirect }
func (n Notify) direct() bool   { return n == NotifyDirect || n == NotifyBoth }

// lately is how long after its end a question's direct messages are still brought up to date. Those that are older stay as they
// were then.
const lately = 10 * time.Minute

// direct is what people get as direct messages about a run: each question that was put, and what came of it, reminders, and what
// was escalated. The approvers and those whom it is escalated to are user ids by now.
func (s scribe) direct(view *onboarding.View, now time.Time, approvers, escalated []string) []bot.Message {
	var messages []bot.Message
	for _, event := range view.Events {
		approval := view.Approval(event.Approval)
		if approval == nil || view.Step(event.Step) == nil {
			continue
		}
		var message bot.Message
		to := approvers
		switch event.Kind {
		case onboarding.EventAsked:
			if !approval.Closed.IsZero() && now.Sub(approval.Closed) > lately {
				continue
			}
			message = s.approval(view, approval, now)
		case onboarding.EventReminded:
			message, _ = s.reminder(view, event)
		case onboarding.EventEscalated:
			message, to = s.escalation(view, event), escalated
		default:
			continue
		}
		if event.Kind != onboarding.EventAsked && now.Sub(event.At) > lately {
			continue
		}
		for _, person := range to {
			if person == view.Requester.ID {
				continue
			}
			messages = append(messages, s.directly(view, message, person))
		}
	}
	return messages
}

// directly is a message of a thread as one person gets it, with what the thread would have told them.
func (s scribe) directly(view *onboarding.View, message bot.Message, person string) bot.Message {
	head := fmt.Sprintf("For *%s* (%s), asked by %s in %s", inline(view.Request.DisplayName), bot.Code(view.Request.Slug), mention(view.Requester), bot.Channel(view.Channel))
	message.Blocks = slices.Insert(slices.Clone(message.Blocks), 0, slack.Block(bot.Context(head)))
	message.Text = bot.Truncate(head+"\n"+message.Text, bot.MaxText)
	message.Key, message.Channel, message.Thread = message.Key+"/dm/"+person, person, ""
	return message
}

// escalation tells the second group that nobody has decided.
func (s scribe) escalation(view *onboarding.View, event onboarding.Event) bot.Message {
	var page sheet
	name := "*" + inline(title(view.Step(event.Step).Definition)) + "*"
	approval := view.Approval(event.Approval)
	switch {
	case approval == nil || approval.State != onboarding.ApprovalOpen:
		page.say(fmt.Sprintf("%s %s was escalated, since nobody had decided; that is settled.", markClock, name))
	default:
		page.say(fmt.Sprintf("%s *Escalated*: nobody has decided on %s since %s. It waits above in this thread and expires %s.",
			markAlarm, name, bot.Date(approval.Asked), bot.Date(approval.Expires)))
		if s.notify.mentions() && len(s.escalate) > 0 {
			page.say(calls(s.escalate))
		}
	}
	return bot.Message{Key: eventKey(event), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
}

// glassBroken names who approved alone, why, and everyone who was skipped.
func (s scribe) glassBroken(view *onboarding.View, event onboarding.Event) bot.Message {
	var page sheet
	name := string(event.Step)
	if step := view.Step(event.Step); step != nil {
		name = title(step.Definition)
	}
	page.say(fmt.Sprintf("%s *%s broke the glass* on *%s* %s, without a second operator.\n>%s", markAlarm, mention(event.Actor), inline(name), bot.Date(event.At), inline(cause(event.Text))))
	skipped := slices.DeleteFunc(slices.Clone(s.approvers), func(id string) bool { return id == event.Actor.ID })
	for _, id := range s.escalate {
		if !slices.Contains(skipped, id) && id != event.Actor.ID {
			skipped = append(skipped, id)
		}
	}
	if len(skipped) > 0 {
		page.say("Skipped, and asked to look at it now: " + mentions(skipped))
	}
	return bot.Message{Key: eventKey(event), Channel: view.Channel, Thread: rootKey(view.ID), Text: page.text(), Blocks: page.blocks}
}
