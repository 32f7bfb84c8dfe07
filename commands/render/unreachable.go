package render

import (
	"fmt"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// Unreachable tells the requester of a run that Slack refuses the messages of its thread, with
// Slack's code.
func (r Renderer) Unreachable(run *onboarding.Run, code string) *mrkdwn.Builder {
	reason := "Slack says " + blockkit.Code(code)
	switch code {
	case "is_archived", "is_inactive":
		reason = "the channel is archived"
	case "not_in_channel", "channel_not_found":
		reason = "the bot is not in the channel"
	}
	state := "The run continues."
	if run.State != onboarding.RunActive {
		state = Ended(run)
	}
	page := new(mrkdwn.Builder)
	page.Say(fmt.Sprintf("%s The bot cannot post in %s, because %s. Nobody there can follow the %s *%s* (%s). %s",
		mrkdwn.MarkWarning, blockkit.Channel(run.Channel), reason, Undertaking(run),
		mrkdwn.Inline(run.Request.DisplayName), blockkit.Code(run.Request.Slug), state))
	page.Say(fmt.Sprintf("Until that is fixed, approvers can decide in the bot's Home tab. Afterwards, type %s: the "+
		"bot posts what is missing.", blockkit.Code(r.Command+" "+WordStatus+" "+run.Request.Slug)))
	return page
}
