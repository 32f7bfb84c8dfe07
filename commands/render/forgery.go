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

// forgeryMessage tells everybody that somebody pressed a button of an approval request in a message
// that the bot did not deliver, and has the true request below.
func (r Renderer) forgeryMessage(
	view *onboarding.View, event onboarding.Event, approval *onboarding.Approval, now time.Time,
) post.Message {
	who := append([]string{view.Requester.ID}, r.Approvers...)
	slices.Sort(who[1:])
	warning := fmt.Sprintf("%s *A press did not count.* %s pressed a button for %s in %s.\n"+
		"Somebody may be using the bot's token: an administrator should rotate it. The true request is below.\n%s",
		mrkdwn.MarkWarning, mrkdwn.Mention(event.Actor), mrkdwn.Inline(StepName(view, approval.Step)),
		mrkdwn.Inline(mrkdwn.Summary(event.Text)), mrkdwn.MentionAny(slices.Compact(who)))
	request := r.approvalRequest(view, approval, now)
	request.Key = eventKey(event)
	request.Text = blockkit.Truncate(warning+"\n"+request.Text, blockkit.MaxText)
	request.Blocks = slices.Concat([]slack.Block{blockkit.Section(warning)}, request.Blocks)
	return request
}
