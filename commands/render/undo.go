package render

import (
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// UndoBlock precedes the name of the asking in the block id of the buttons that take a run back. It is the submission, so that
// one question begins one run, however often it is answered.
const UndoBlock = "undo/"

func (r Renderer) AskUndo(run *onboarding.Run, asking string) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	page.Say(fmt.Sprintf("Take back the onboarding of *%s* (%s)? %s", mrkdwn.Inline(run.Request.DisplayName), blockkit.Code(run.Request.Slug), Ended(run)))
	page.Say("What was applied is taken back in reverse order: the site, the commits, the records, the rows. Each change is shown and approved like any other, " +
		"and nothing goes on which something else depends.\nCertificates are rate-limited: keep them if the domains may come back.")
	value := run.ID.String()
	remove := blockkit.Button(ActionUndoAll, value, "Undo, delete certificates", slack.StyleDanger)
	page.Buttons(UndoBlock+asking, blockkit.Button(ActionUndo, value, "Undo, keep certificates", slack.StylePrimary),
		remove.WithConfirm(blockkit.Confirm("Delete the certificates too?", "They are revoked nowhere, but gone from the VPS. New ones count against the limits of the CA.", "Undo and delete", "Back")),
		blockkit.Button(ActionLeave, value, "Leave it", ""))
	return page
}
