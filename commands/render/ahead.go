package render

import (
	"fmt"
	"maps"
	"strings"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// aheadMessage shows what an operator approved before its turn. The votes of one submission share one
// message.
func aheadMessage(view *onboarding.View, events []onboarding.Event) post.Message {
	var page mrkdwn.Builder
	first := events[0]
	what := fmt.Sprintf("%d changes", len(events))
	if len(events) == 1 {
		what = "a change"
	}
	text := fmt.Sprintf("%s %s approved %s ahead %s.", mrkdwn.MarkDone, mrkdwn.Mention(first.Actor), what,
		blockkit.Date(first.At))
	if first.Text != "" {
		text += " " + mrkdwn.Inline(mrkdwn.Summary(first.Text))
	}
	page.Say(text)
	lines := make([]string, len(events))
	for i, event := range events {
		lines[i] = mrkdwn.Inline(StepName(view, event.Step)) + " · " + blockkit.Code(event.Digest.Short())
	}
	const limit = 30
	if more := len(lines) - limit; more > 0 {
		lines = append(lines[:limit], fmt.Sprintf("… and %d more", more))
	}
	page.Say(strings.Join(lines, "\n"))
	page.Note("Each approval is bound to the digest of its change. " +
		"A change that is different when its turn comes needs a new approval.")
	return post.Message{Key: RootKey(view.ID) + "/ahead/" + fmt.Sprint(first.ID), Channel: view.Channel,
		Thread: RootKey(view.ID), Text: page.Text(), Blocks: page.Blocks}
}

// aheadVotes returns the early votes of one submission, beginning with this event. It returns nil if
// the event is not an early vote.
func aheadVotes(view *onboarding.View, at int, asked map[uuid.UUID]bool) []onboarding.Event {
	first := view.Events[at]
	asked = maps.Clone(asked)
	var votes []onboarding.Event
	for _, event := range view.Events[at:] {
		switch {
		case event.At.Sub(first.At) > burstWindow:
			return votes
		case event.Kind == onboarding.EventAsked:
			asked[event.Approval] = true
		case event.Kind == onboarding.EventApproved && !asked[event.Approval] && event.Actor.ID == first.Actor.ID &&
			event.Text == first.Text:
			votes = append(votes, event)
		}
		if event.ID == first.ID && len(votes) == 0 {
			return nil
		}
	}
	return votes
}
