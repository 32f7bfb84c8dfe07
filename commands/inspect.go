package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// inspectHandlers answers the commands that only look: status, list, log and verify.
type inspectHandlers struct {
	service  *service.Service
	replies  *responder
	messages *messenger
	runs     *runFinder
	home     *home.Tabs
	renderer render.Renderer
}

// waiting lists what waits for one person.
func (h *inspectHandlers) waiting(ctx context.Context, person string) post.Reply {
	content, err := h.home.Waiting(ctx, person)
	if err != nil {
		return h.replies.failure(ctx, err, "person", person)
	}
	page := h.answering(ctx).WaitingFor(content)
	h.writeBacklog(ctx, page, "")
	return page.Reply()
}

// writeBacklog says which messages wait for Slack, of those whose key begins with the prefix.
func (h *inspectHandlers) writeBacklog(ctx context.Context, page *mrkdwn.Builder, prefix string) {
	backlog, err := h.messages.outbox.Backlog(ctx, prefix)
	if err != nil {
		h.replies.log.WarnContext(ctx, "an answer does not show what waits for slack", "error", err)
	}
	render.WriteBacklog(page, backlog)
}

// maxListed is how many runs a list shows.
const maxListed = 15

func (h *inspectHandlers) list(ctx context.Context) post.Reply {
	runs, err := h.service.Records.List(ctx, maxListed)
	if err != nil {
		return h.replies.failure(ctx, err, "command", "")
	}
	listed := make([]render.ListedRun, len(runs))
	for i, run := range runs {
		listed[i] = render.ListedRun{Run: run, Link: h.messages.address(ctx, render.RootKey(run.ID))}
	}
	freeze, err := h.service.Records.Frozen(ctx)
	if err != nil {
		h.replies.log.WarnContext(ctx, "a list does not show whether a freeze holds", "error", err)
	}
	return h.answering(ctx, runs...).List(listed, freeze).Reply()
}

// answering returns a renderer for an answer that is read now, and that is about some runs.
func (h *inspectHandlers) answering(ctx context.Context, runs ...*onboarding.Run) render.Renderer {
	renderer := h.renderer.WithLinks(home.RelatedLinks(ctx, h.messages.outbox, runs...))
	renderer.Now = time.Now()
	return renderer
}

func (h *inspectHandlers) status(ctx context.Context, run *onboarding.Run) post.Reply {
	view, err := h.service.Records.View(ctx, run.ID)
	if err != nil {
		return h.replies.failure(ctx, err, "run", run.ID.String())
	}
	// Whoever asks may be missing something in the thread.
	if err := h.messages.outbox.Compare(ctx, render.RootKey(run.ID)); err != nil {
		h.replies.log.WarnContext(ctx, "a thread is not compared with the database", "run", run.ID, "error", err)
	}
	page := h.answering(ctx, view.Run).Status(view, h.messages.address(ctx, render.RootKey(run.ID)))
	h.writeBacklog(ctx, page, render.RootKey(run.ID))
	return page.Reply()
}

// showFindings opens all findings of a step for one person.
func (h *inspectHandlers) showFindings(ctx context.Context, action bot.Action) error {
	err := h.replies.gate.RequireOperator(ctx, action.Person)
	var step *onboarding.Step
	if err == nil {
		_, step, err = stepOf(ctx, h.service, action)
	}
	if err == nil {
		_, err = h.replies.workspace.OpenView(ctx, action.TriggerID, render.FindingsPage(step))
	}
	return h.replies.answer(ctx, action, err)
}

// verify makes the success checks again and answers with what they found.
func (h *inspectHandlers) verify(ctx context.Context, slug string) post.Reply {
	run, observed, err := h.service.Verify(ctx, slug)
	switch {
	case run == nil && err != nil:
		return h.runs.missing(ctx, slug, err)
	case errors.Is(err, onboarding.ErrNothing):
		return post.Reply{Text: fmt.Sprintf("There is nothing to verify: the onboarding of %s was undone %s%s.",
			blockkit.Code(slug), blockkit.Date(run.Undo.Ended),
			render.ThreadLink(home.RelatedLinks(ctx, h.messages.outbox, run)[run.Undo.Run]))}
	case err != nil:
		if _, expected := refusal.Text(err); expected {
			return h.replies.failure(ctx, err, "run", run.ID.String())
		}
		return post.Reply{Text: fmt.Sprintf("%s The checks of %s could not run: %s",
			mrkdwn.MarkFailed, blockkit.Code(slug), mrkdwn.Inline(mrkdwn.Summary(err.Error())))}
	}
	return render.VerifyPage(run, observed).Reply()
}

// auditLog answers with the audit log of a slug: the newest run as a message, all of its runs as
// a file.
func (h *inspectHandlers) auditLog(ctx context.Context, command bot.Command, slug string) post.Reply {
	runs, err := h.service.Records.History(ctx, slug)
	if err != nil {
		return h.replies.failure(ctx, err, "slug", slug)
	}
	if len(runs) == 0 {
		return h.runs.missing(ctx, slug, onboarding.ErrNotFound)
	}
	var view *onboarding.View
	var file strings.Builder
	for _, run := range runs {
		if view, err = h.service.Records.View(ctx, run.ID); err != nil {
			return h.replies.failure(ctx, err, "run", run.ID.String())
		}
		outputs, err := h.outputs(ctx, view)
		if err != nil {
			return h.replies.failure(ctx, err, "run", run.ID.String())
		}
		file.WriteString(render.AuditLogText(view, outputs))
	}
	person := command.Person.ID
	err = h.messages.sendText(ctx, textFile{key: "trail/" + person + "/" + command.Envelope, person: person,
		name: "log-" + slug, content: file.String()})
	if err != nil {
		return h.replies.failure(ctx, err, "slug", slug)
	}
	page := h.answering(ctx, view.Run).AuditLog(view)
	page.Note("The full audit log, with every change that was applied, is in your direct messages with the bot.")
	return page.Reply()
}

// outputs reads what the attempts of a run printed, where that is more than their last lines.
func (h *inspectHandlers) outputs(ctx context.Context, view *onboarding.View) (map[uuid.UUID]string, error) {
	outputs := map[uuid.UUID]string{}
	for _, attempt := range view.Attempts {
		if attempt.Lines <= len(attempt.Tail) {
			continue
		}
		output, err := h.service.Records.Log(ctx, attempt.ID)
		if err != nil {
			return nil, err
		}
		outputs[attempt.ID] = output
	}
	return outputs, nil
}
