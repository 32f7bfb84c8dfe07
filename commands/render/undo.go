package render

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
)

// UndoPage asks whether to undo a run, from when on, and whether to keep the certificates. The
// block is the block_id of the buttons.
func UndoPage(run *onboarding.Run, at *onboarding.Moment, block string) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	page.Say(fmt.Sprintf("Undo the onboarding of *%s* (%s)? %s", mrkdwn.Inline(run.Request.DisplayName),
		blockkit.Code(run.Request.Slug), Ended(run)))
	page.Say("Applied changes are undone in reverse order: the site, the commits, the DNS records, " +
		"the database rows. " +
		"Each change is shown and approved like any other. " +
		"Nothing is removed while something else depends on it.\n" +
		"Certificates are rate-limited: keep them if the domains may come back.")
	if at != nil {
		page.Say(schedule.NotBefore(at))
	}
	value := run.ID.String()
	remove := blockkit.Button(ActionUndoAll, value, "Undo, delete certificates", slack.StyleDanger)
	page.Buttons(block, blockkit.Button(ActionUndo, value, "Undo, keep certificates", slack.StylePrimary),
		remove.WithConfirm(blockkit.Confirm("Delete the certificates too?",
			"They are deleted from the VPS and not revoked. New ones count against the certificate authority's limits.",
			"Undo and delete", "Back")),
		blockkit.Button(ActionLeave, value, "Don't undo", ""))
	return page
}
