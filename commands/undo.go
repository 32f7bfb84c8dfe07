package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// askUndo asks what is to become of the certificates, which is also the confirmation.
func (d *Handlers) askUndo(ctx context.Context, slug, asking string) bot.Reply {
	run, err := d.service.Records.Latest(ctx, slug)
	if err != nil {
		return bot.Reply{Text: d.noRun(ctx, slug, err)}
	}
	if run.State == onboarding.RunActive {
		return bot.Reply{Text: fmt.Sprintf("A run of %s is under way%s. %s ends it; then it can be taken back.",
			blockkit.Code(slug), d.link(ctx, run), blockkit.Code(d.config.Command+" "+render.WordCancel+" "+slug))}
	}
	undoable, err := d.service.Records.Undoable(ctx, slug)
	switch {
	case errors.Is(err, onboarding.ErrNotFound):
		return bot.Reply{Text: fmt.Sprintf("The onboarding of %s is taken back already%s.", blockkit.Code(slug), d.link(ctx, run))}
	case err != nil:
		return bot.Reply{Text: d.explain(ctx, err, "slug", slug)}
	}
	return d.renderer.AskUndo(undoable, asking).Reply()
}

func (d *Handlers) undoPressed(ctx context.Context, action bot.Action) error {
	text := func() string {
		if err := d.requireSameTeam(ctx, action.Person); err != nil {
			return d.explain(ctx, err, "person", action.Person.ID)
		}
		if !strings.HasPrefix(action.Block, render.UndoBlock) {
			return d.explain(ctx, onboarding.ErrNotFound, "run", action.Value)
		}
		view, err := d.service.Records.View(ctx, idOf(action.Value))
		if err != nil {
			return d.explain(ctx, err, "run", action.Value)
		}
		run, err := d.service.Undo(ctx, view.Request.Slug, action.ID == render.ActionUndoAll,
			service.Asked{Operator: action.Person.ID, Channel: action.Channel, Submission: action.Block})
		if errors.Is(err, onboarding.ErrBusy) {
			return fmt.Sprintf("A run of %s, or of one of its domains, began meanwhile. Nothing was taken back.", blockkit.Code(view.Request.Slug))
		}
		if err != nil {
			return d.explain(ctx, err, "run", action.Value)
		}
		return fmt.Sprintf("%s Taking back the onboarding of %s has begun%s.", mrkdwn.MarkDone, blockkit.Code(view.Request.Slug), d.link(ctx, run))
	}
	return d.replace(ctx, action, text())
}

func (d *Handlers) leave(ctx context.Context, action bot.Action) error {
	return d.replace(ctx, action, "Everything stays as it is.")
}
