package commands

import (
	"context"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// planHandlers answers with dry runs.
type planHandlers struct {
	service   *service.Service
	workspace *bot.Workspace
	replies   *responder
	messages  *messenger
	starter   *starter
}

// ofRun plans what an active run has still to do, or for a live Provider, what its onboarding
// would change if it ran again.
func (h *planHandlers) ofRun(ctx context.Context, command bot.Command, run *onboarding.Run) post.Reply {
	reply, err := h.reply(ctx, h.service.PlanRun(ctx, run), command.Person.ID, command.Envelope)
	if err != nil {
		return h.replies.failure(ctx, err, "run", run.ID.String())
	}
	return reply
}

// ofCommand plans a draft that was typed behind the command.
func (h *planHandlers) ofCommand(ctx context.Context, command bot.Command, draft form.Draft) post.Reply {
	reply, err := h.ofDraft(ctx, command.Person, draft, command.Envelope)
	if err != nil {
		return h.replies.failure(ctx, err, "slug", draft.Slug)
	}
	return reply
}

// ofForm plans a draft that was sent in the form, and shows the plan in the channel to that
// person alone.
func (h *planHandlers) ofForm(ctx context.Context, sent *formSubmission) error {
	reply, err := h.ofDraft(ctx, sent.Person, sent.draft, sent.View.ID)
	if err != nil {
		return err
	}
	return h.workspace.Ephemeral(ctx, bot.Recipient{Channel: sent.meta.Channel, User: sent.Person.ID}, reply)
}

// ofDraft plans a draft. The source names what asked for the plan, once.
func (h *planHandlers) ofDraft(
	ctx context.Context, person bot.Person, draft form.Draft, source string,
) (post.Reply, error) {
	request, err := h.starter.request(ctx, start{person: person, draft: draft})
	if err != nil {
		return post.Reply{}, err
	}
	plan, err := h.service.Plan(ctx, request, person.ID)
	if err != nil {
		return post.Reply{}, err
	}
	return h.reply(ctx, plan, person.ID, source)
}

// reply shows a plan to one person. A plan that does not fit goes to them as a file as well.
func (h *planHandlers) reply(ctx context.Context, plan *onboarding.Plan, person, source string) (post.Reply, error) {
	page, whole := render.PlanPage(plan)
	if whole {
		return page.Reply(), nil
	}
	page.Note("The plan is too long for this message. The full plan is in your direct messages with the bot.")
	err := h.messages.sendText(ctx, textFile{key: "plan/" + person + "/" + source, person: person,
		name: "plan-" + plan.Request.Slug, content: render.PlanText(plan)})
	return page.Reply(), err
}
