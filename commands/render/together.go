package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render/changes"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

// requestMessage shows a request, and below it those that were asked with it, see
// [onboarding.Approval.AskedWith]. Of several, those that are closed are short.
func (r Renderer) requestMessage(view *onboarding.View, first *onboarding.Approval, now time.Time) post.Message {
	members := []*onboarding.Approval{first}
	for _, approval := range view.Approvals {
		if approval.AskedWith == first.ID {
			members = append(members, approval)
		}
	}
	if len(members) == 1 {
		return r.approvalRequest(view, first, now)
	}
	slices.SortStableFunc(members, func(a, b *onboarding.Approval) int {
		return stepIndex(view.Run, a.Step) - stepIndex(view.Run, b.Step)
	})
	asking := slices.ContainsFunc(members,
		func(approval *onboarding.Approval) bool { return approval.State == onboarding.ApprovalOpen })
	live := slices.DeleteFunc(slices.Clone(members), closed)
	room := changes.Roomy
	if len(live) > 1 {
		room = changes.Brief
	}
	var blocks []slack.Block
	var texts []string
	for i, approval := range members {
		if i > 0 {
			blocks = append(blocks, slack.NewDividerBlock())
		}
		var page *mrkdwn.Builder
		if closed(approval) {
			page = r.writeRecord(view, approval, now)
		} else {
			page = r.writeRequest(request{view: view, Approval: approval, room: room, still: asking}, now)
		}
		blocks, texts = append(blocks, page.Blocks...), append(texts, page.Text())
	}
	more := "There is more than fits here. See " + blockkit.Code(r.Command+" "+WordReview+" "+view.Request.Slug)
	blocks, _ = blockkit.Fit(blocks, blockkit.InMessage, blockkit.Context(more))
	return post.Message{Key: approvalKey(view.ID, first.ID), Channel: view.Channel, Thread: RootKey(view.ID),
		Text: blockkit.Truncate(strings.Join(texts, "\n"), blockkit.MaxText), Blocks: blocks,
		Urgent: view.JustAsked(members)}
}

// writeRecord shows a closed request in short: a button shows the change.
func (r Renderer) writeRecord(view *onboarding.View, approval *onboarding.Approval, now time.Time) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	attempts := attemptsUnder(view, approval.ID)
	lines := slices.Concat([]string{requestHead(view, approval, attempts)}, r.decisionLines(view, approval),
		schedule.Lines(view, approval, false))
	for _, attempt := range attempts {
		lines = append(lines, schedule.AttemptLine(attempt, now, true))
	}
	page.Say(blockkit.Truncate(strings.Join(lines, "\n"), blockkit.MaxSectionText/2))
	if section, ok := page.Blocks[0].(*slack.SectionBlock); ok {
		section.Accessory = slack.NewAccessory(blockkit.About(blockkit.Button(ActionShow,
			approval.ID.String(), "Show the change", ""), StepName(view.Run, approval.Step)))
	}
	if approval.Drift != "" {
		moved, _ := changes.Excerpt([]mrkdwn.Part{changes.Drift(approval.Drift)}, changes.Glance)
		page.Parts(moved...)
	}
	page.Note(footer(approval, 0))
	return page
}

// aheadMessage shows what an operator approved before its turn. The votes of one submission share
// one message.
func aheadMessage(view *onboarding.View, events []onboarding.Event) post.Message {
	var page mrkdwn.Builder
	first := events[0]
	text := fmt.Sprintf("%s %s approved %s in advance %s.", mrkdwn.MarkDone, mrkdwn.Mention(first.Actor),
		mrkdwn.Count(len(events), "change"), blockkit.Date(first.At))
	if first.Text != "" {
		text += " " + mrkdwn.Inline(mrkdwn.Summary(first.Text))
	}
	page.Say(text)
	events = slices.SortedStableFunc(slices.Values(events), func(a, b onboarding.Event) int {
		return stepIndex(view.Run, a.Step) - stepIndex(view.Run, b.Step)
	})
	lines := make([]string, len(events))
	for i, event := range events {
		lines[i] = mrkdwn.Inline(StepName(view.Run, event.Step)) + " · " + blockkit.Code(event.Digest.Short())
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

// aheadVotes returns the early votes of one submission, beginning with this event. It returns nil
// if the event is not an early vote.
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
