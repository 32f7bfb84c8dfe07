package render

import (
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// DirectMessageWindow is how long after a request was closed its direct messages are still
// updated. Later they stay as they are.
const DirectMessageWindow = 10 * time.Minute

// Direct returns the direct messages about a run: each approval request with its outcome,
// reminders, and escalations. The recipients are user ids. The requester gets none.
func (r Renderer) Direct(view *onboarding.View, now time.Time, approvers, escalated []string) []post.Message {
	var messages []post.Message
	together := map[int64]bool{}
	for i, event := range view.Events {
		approval := view.Approval(event.Approval)
		if approval == nil || view.Step(event.Step) == nil {
			continue
		}
		var message post.Message
		to := approvers
		switch event.Kind {
		case onboarding.EventAsked:
			if !approval.Closed.IsZero() && now.Sub(approval.Closed) > DirectMessageWindow {
				continue
			}
			message = r.approvalRequest(view, approval, now)
		case onboarding.EventReminded, onboarding.EventEscalated:
			if together[event.ID] {
				continue
			}
			events := burst(view, i)
			markCovered(together, events)
			message = r.callMessage(view, events)
			if event.Kind == onboarding.EventEscalated {
				to = escalated
			}
		default:
			continue
		}
		if event.Kind != onboarding.EventAsked && now.Sub(event.At) > DirectMessageWindow {
			continue
		}
		head := runHead(view)
		if event.Kind != onboarding.EventAsked {
			head += ThreadLink(r.links[view.ID]) // the request is there
		}
		for _, person := range view.Covered(to, event.At) {
			if person == view.Requester.ID {
				continue
			}
			messages = append(messages, Directly(message, person, head))
		}
	}
	return messages
}

// runHead says which run a direct message is about.
func runHead(view *onboarding.View) string {
	return fmt.Sprintf("For *%s* (%s), requested by %s in %s", mrkdwn.Inline(view.Request.DisplayName),
		blockkit.Code(view.Request.Slug), mrkdwn.Mention(view.Requester), blockkit.Channel(view.Channel))
}

// Directly returns a message of a thread as one person gets it, below a line that says what it is
// about.
func Directly(message post.Message, person, head string) post.Message {
	message.Blocks = slices.Insert(slices.Clone(message.Blocks), 0, slack.Block(blockkit.Context(head)))
	message.Text = blockkit.Truncate(head+"\n"+message.Text, blockkit.MaxText)
	message.Key, message.Channel, message.Thread = message.Key+"/dm/"+person, person, ""
	return message
}

// callMessage asks people again for decisions that are open: the approvers before a request
// expires, the people in escalate_to when it is escalated. Events of the same moment share one
// message.
func (r Renderer) callMessage(view *onboarding.View, events []onboarding.Event) post.Message {
	var page mrkdwn.Builder
	var names, settled []string
	var open []*onboarding.Approval
	expired := false
	for _, event := range events {
		name := "*" + mrkdwn.Inline(title(view.Step(event.Step).Definition)) + "*"
		if approval := view.Approval(event.Approval); approval.State == onboarding.ApprovalOpen {
			names, open = append(names, name), append(open, approval)
		} else {
			settled = append(settled, name)
			expired = expired || approval.State == onboarding.ApprovalExpired
		}
	}
	escalated := events[0].Kind == onboarding.EventEscalated
	switch {
	case len(open) == 0 && escalated:
		was := "was"
		if len(settled) > 1 {
			was = "were"
		}
		page.Say(fmt.Sprintf("%s %s %s escalated because nobody had decided; %s.", mrkdwn.MarkClock,
			joinNames(settled), was, closedNow(settled)))
	case len(open) == 0:
		page.Say(DecisionClosed(settled, expired))
	case escalated:
		page.Say(fmt.Sprintf("%s *Escalated*: nobody has decided on %s since %s. %s in the run's thread and %s %s.",
			mrkdwn.MarkAlarm, joinNames(names), blockkit.Date(open[0].Asked),
			choose(open, "The request is", "The requests are"), choose(open, "expires", "expire"),
			blockkit.Date(open[0].Expires)))
	default:
		page.Say(DecisionNeeded(names, "the run's thread", open[0].Expires))
	}
	var who []string
	switch {
	case len(open) == 0 || !r.Mentions:
	case escalated:
		who = view.Covered(r.EscalateTo, events[0].At)
	default:
		for _, approval := range open {
			for _, id := range r.eligibleApprovers(view, approval) {
				if !slices.Contains(who, id) {
					who = append(who, id)
				}
			}
		}
	}
	if len(who) > 0 {
		page.Say(mrkdwn.MentionAny(who))
	}
	return post.Message{Key: eventKey(events[0]), Channel: view.Channel, Thread: RootKey(view.ID),
		Text: page.Text(), Blocks: page.Blocks}
}

// DecisionNeeded reminds of requests that are still open, in their thread and as a direct message.
// It says where they are.
func DecisionNeeded(names []string, place string, expires time.Time) string {
	verb, ends := "needs", "The request expires"
	if len(names) > 1 {
		verb, ends = "need", "The requests expire"
	}
	return fmt.Sprintf("%s %s still %s a decision, in %s. %s %s.", mrkdwn.MarkClock, joinNames(names), verb,
		place, ends, blockkit.Date(expires))
}

// DecisionClosed is [DecisionNeeded] once the requests are closed.
func DecisionClosed(names []string, expired bool) string {
	ending := closedNow(names)
	if expired {
		ending = "nobody decided in time"
	}
	return fmt.Sprintf("%s %s needed a decision; %s.", mrkdwn.MarkClock, joinNames(names), ending)
}

// closedNow says that the requests for these decisions are closed.
func closedNow(names []string) string {
	if len(names) > 1 {
		return "the requests are closed now"
	}
	return "the request is closed now"
}

// joinNames joins names in a sentence about all of them. Of many names it lists the first.
func joinNames(words []string) string {
	if len(words) == 2 {
		return words[0] + " and " + words[1]
	}
	return mrkdwn.FirstFew(words, ", ")
}

// choose returns the word for one approval or for several.
func choose(open []*onboarding.Approval, one, several string) string {
	if len(open) == 1 {
		return one
	}
	return several
}

// breakGlassMessage says who approved alone and why, and mentions everyone who was skipped.
func (r Renderer) breakGlassMessage(view *onboarding.View, event onboarding.Event) post.Message {
	var page mrkdwn.Builder
	name := string(event.Step)
	if step := view.Step(event.Step); step != nil {
		name = title(step.Definition)
	}
	page.Say(fmt.Sprintf("%s *%s broke the glass* on *%s* %s, without a second operator.\n>%s", mrkdwn.MarkAlarm,
		mrkdwn.Mention(event.Actor), mrkdwn.Inline(name), blockkit.Date(event.At),
		mrkdwn.Inline(mrkdwn.Summary(event.Text))))
	skipped := slices.DeleteFunc(slices.Clone(r.Approvers), func(id string) bool { return id == event.Actor.ID })
	for _, id := range r.EscalateTo {
		if !slices.Contains(skipped, id) && id != event.Actor.ID {
			skipped = append(skipped, id)
		}
	}
	if len(skipped) > 0 {
		page.Say("Skipped approvers, please review it now: " + mrkdwn.MentionAll(skipped))
	}
	return post.Message{Key: eventKey(event), Channel: view.Channel, Thread: RootKey(view.ID), Text: page.Text(),
		Blocks: page.Blocks}
}
