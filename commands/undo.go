package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// undoBlock precedes the name of the asking in the block id of the buttons that take a run back. It is the submission, so that
// one question begins one run, however often it is answered.
const undoBlock = "undo/"

// askUndo asks what is to become of the certificates, which is also the confirmation.
func (d *Handlers) askUndo(ctx context.Context, slug, asking string) bot.Reply {
	run, err := d.service.Latest(ctx, slug)
	if err != nil {
		return bot.Reply{Text: d.noRun(ctx, slug, err)}
	}
	if run.State == onboarding.RunActive {
		return bot.Reply{Text: fmt.Sprintf("A run of %s is under way%s. %s ends it; then it can be taken back.",
			blockkit.Code(slug), d.link(ctx, run), blockkit.Code(d.config.Command+" "+wordCancel+" "+slug))}
	}
	undoable, err := d.service.Undoable(ctx, slug)
	switch {
	case errors.Is(err, onboarding.ErrNotFound):
		return bot.Reply{Text: fmt.Sprintf("The onboarding of %s is taken back already%s.", blockkit.Code(slug), d.link(ctx, run))}
	case err != nil:
		return bot.Reply{Text: d.explain(ctx, err, "slug", slug)}
	}
	return d.scribe.askUndo(undoable, asking).reply()
}

func (s scribe) askUndo(run *onboarding.Run, asking string) *sheet {
	page := new(sheet)
	page.say(fmt.Sprintf("Take back the onboarding of *%s* (%s)? %s", inline(run.Request.DisplayName), blockkit.Code(run.Request.Slug), ended(run)))
	page.say("What was applied is taken back in reverse order: the site, the commits, the records, the rows. Each change is shown and approved like any other, " +
		"and nothing goes on which something else depends.\nCertificates are rate-limited: keep them if the domains may come back.")
	value := run.ID.String()
	remove := blockkit.Button(actionUndoAll, value, "Undo, delete certificates", slack.StyleDanger)
	page.buttons(undoBlock+asking, blockkit.Button(actionUndo, value, "Undo, keep certificates", slack.StylePrimary),
		remove.WithConfirm(blockkit.Confirm("Delete the certificates too?", "They are revoked nowhere, but gone from the VPS. New ones count against the limits of the CA.", "Undo and delete", "Back")),
		blockkit.Button(actionLeave, value, "Leave it", ""))
	return page
}

func (d *Handlers) undoPressed(ctx context.Context, action bot.Action) error {
	text := func() string {
		if err := d.own(ctx, action.Person); err != nil {
			return d.explain(ctx, err, "person", action.Person.ID)
		}
		if !strings.HasPrefix(action.Block, undoBlock) {
			return d.explain(ctx, onboarding.ErrNotFound, "run", action.Value)
		}
		view, err := d.service.View(ctx, idOf(action.Value))
		if err != nil {
			return d.explain(ctx, err, "run", action.Value)
		}
		run, err := d.service.Undo(ctx, view.Request.Slug, action.ID == actionUndoAll, action.Person.ID, action.Channel, action.Block)
		if errors.Is(err, onboarding.ErrBusy) {
			return fmt.Sprintf("A run of %s, or of one of its domains, began meanwhile. Nothing was taken back.", blockkit.Code(view.Request.Slug))
		}
		if err != nil {
			return d.explain(ctx, err, "run", action.Value)
		}
		return fmt.Sprintf("%s Taking back the onboarding of %s has begun%s.", markDone, blockkit.Code(view.Request.Slug), d.link(ctx, run))
	}
	return d.replace(ctx, action, text())
}

func (d *Handlers) leave(ctx context.Context, action bot.Action) error {
	return d.replace(ctx, action, "Everything stays as it is.")
}
