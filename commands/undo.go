package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/inputs"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// undoHandlers begins runs that take back what another run did.
type undoHandlers struct {
	service  *service.Service
	replies  *responder
	messages *messenger
	runs     *runFinder
	renderer render.Renderer
	origins  *provenance
	clocks   clocks
}

// undoBlock begins the block_id of the buttons of the question whether to undo a run. The whole id
// is the submission, so one question begins one run, however often its buttons are pressed.
const undoBlock = "undo/"

// ask asks whether to keep the certificates, which is the confirmation as well.
func (h *undoHandlers) ask(ctx context.Context, command bot.Command, parsed parsedCommand) post.Reply {
	slug := parsed.slug
	run, err := h.service.Records.Latest(ctx, slug)
	if err != nil {
		return h.runs.missing(ctx, slug, err)
	}
	if run.State == onboarding.RunActive {
		return post.Reply{Text: fmt.Sprintf("A run of %s is active%s. Cancel it with %s before you undo it.",
			blockkit.Code(slug), h.messages.link(ctx, run),
			blockkit.Code(h.renderer.Command+" "+render.WordCancel+" "+slug))}
	}
	undoable, err := h.service.Records.Undoable(ctx, slug)
	switch {
	case errors.Is(err, onboarding.ErrNotFound):
		return post.Reply{Text: fmt.Sprintf("The onboarding of %s is already undone%s.", blockkit.Code(slug),
			h.messages.link(ctx, run))}
	case err != nil:
		return h.replies.failure(ctx, err, "slug", slug)
	}
	at, err := h.clocks.moment(ctx, command.Person, parsed.inputs.Values[inputs.At])
	if err != nil {
		return h.replies.failure(ctx, err, "slug", slug)
	}
	block := timedBlock(undoBlock+command.Envelope, at)
	if err := h.origins.ask(ctx, command.Person, block, undoable.ID.String()); err != nil {
		return h.replies.failure(ctx, err, "slug", slug)
	}
	return render.UndoPage(undoable, at, block).Reply()
}

func (h *undoHandlers) begin(ctx context.Context, action bot.Action) error {
	return h.replies.replace(ctx, action, h.beginText(ctx, action))
}

// beginText begins the undo and returns what the person reads about it.
func (h *undoHandlers) beginText(ctx context.Context, action bot.Action) string {
	if _, err := h.origins.accept(ctx, action, subject{run: parseID(action.Value)}); err != nil {
		return h.replies.explain(ctx, err, "run", action.Value)
	}
	at, err := blockTime(action.Block)
	if err != nil {
		return h.replies.explain(ctx, err, "run", action.Value)
	}
	view, err := h.service.Records.View(ctx, parseID(action.Value))
	if err != nil {
		return h.replies.explain(ctx, err, "run", action.Value)
	}
	slug := view.Request.Slug
	run, err := h.service.Undo(ctx, slug, action.ID == render.ActionUndoAll,
		service.Asked{Operator: action.Person.ID, Channel: action.Channel, Submission: action.Block, At: at})
	if errors.Is(err, onboarding.ErrBusy) {
		return fmt.Sprintf("A run of %s, or of one of its domains, started in the meantime. Nothing was undone.",
			blockkit.Code(slug))
	}
	if err != nil {
		return h.replies.explain(ctx, err, "run", action.Value)
	}
	return fmt.Sprintf("%s Undoing the onboarding of %s%s.", mrkdwn.MarkDone, blockkit.Code(slug),
		h.messages.link(ctx, run))
}

func (h *undoHandlers) leave(ctx context.Context, action bot.Action) error {
	return h.replies.replace(ctx, action, "Nothing was changed.")
}
