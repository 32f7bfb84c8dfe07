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

// forgeryMessage tells everybody that somebody pressed a button in a message that the bot did not
// deliver. For a button of an approval request, it has the true request below.
func (r Renderer) forgeryMessage(view *onboarding.View, event onboarding.Event, now time.Time) post.Message {
	approval := view.Approval(event.Approval)
	about, below := "this run", ""
	if approval != nil {
		about, below = mrkdwn.Inline(StepName(view.Run, approval.Step)), " The real request is below."
	}
	warning := fmt.Sprintf("%s *A press did not count.* %s pressed a button for %s in %s.\n"+
		"Somebody may be using the bot's token: an administrator should rotate it.%s\n%s",
		mrkdwn.MarkWarning, mrkdwn.Mention(event.Actor), about, mrkdwn.Inline(mrkdwn.Summary(event.Text)), below,
		everybody(view, r.Approvers))
	if approval == nil {
		return post.Message{Key: eventKey(event), Channel: view.Channel, Thread: RootKey(view.ID), Text: warning,
			Blocks: []slack.Block{blockkit.Section(warning)}}
	}
	request := r.approvalRequest(view, approval, now)
	request.Key = eventKey(event)
	request.Text = blockkit.Truncate(warning+"\n"+request.Text, blockkit.MaxText)
	request.Blocks = slices.Concat([]slack.Block{blockkit.Section(warning)}, request.Blocks)
	return request
}

// lockedOutMessage tells everybody that somebody gave too many wrong codes.
func (r Renderer) lockedOutMessage(view *onboarding.View, event onboarding.Event) post.Message {
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("%s *%s is locked out* after too many wrong codes for %s.\nIf they did not type them, "+
		"somebody is using their Slack account: an administrator should end its sessions. "+
		"Others can approve meanwhile.\n%s",
		mrkdwn.MarkWarning, mrkdwn.Mention(event.Actor), mrkdwn.Inline(StepName(view.Run, event.Step)),
		everybody(view, r.Approvers)))
	return post.Message{Key: eventKey(event), Channel: view.Channel, Thread: RootKey(view.ID), Text: page.Text(),
		Blocks: page.Blocks}
}

// everybody mentions the requester and all approvers, each once.
func everybody(view *onboarding.View, approvers []string) string {
	who := []string{view.Requester.ID}
	for _, id := range approvers {
		if !slices.Contains(who, id) {
			who = append(who, id)
		}
	}
	return mrkdwn.MentionAll(who)
}
