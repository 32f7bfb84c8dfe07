package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// formSubmission is a form that was sent.
type formSubmission struct {
	bot.Submission
	meta  form.Meta
	draft form.Draft
}

// submitted begins a run, or plans one. The id of the view is the submission: one form begins one
// run, however often it is sent.
func (h *formHandlers) submitted(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	meta, err := form.DecodeMeta(submission.Metadata)
	if err != nil {
		return bot.Answer{}, err
	}
	// Whoever sends the form becomes the requester, and somebody else approves.
	if _, err := h.origins.accept(ctx, submission.Press(), subject{run: meta.Edits}); err != nil {
		return h.refused(ctx, meta, err), nil
	}
	if !h.gate.AllowsChannel(meta.Channel) {
		return bot.ReplaceView(mrkdwn.Notice("Onboarding", h.gate.Elsewhere())), nil
	}
	draft, err := h.read(ctx, meta, submission.State)
	if err != nil {
		return h.refused(ctx, meta, err), nil
	}
	sent := formSubmission{Submission: submission, meta: meta, draft: draft}
	typed := sent.draft
	err, inTime := replyWithin(ctx, h.replies, func(ctx context.Context) error { return h.carryOut(ctx, &sent) },
		func(ctx context.Context, err error) { h.answerLate(ctx, sent, err) })
	if !inTime {
		return bot.ReplaceView(mrkdwn.Notice("Onboarding",
			mrkdwn.MarkBusy+" Checking what you sent. This takes a little longer than usual.")), nil
	}
	if err == nil {
		return bot.Answer{}, nil
	}
	if problems, ok := h.starter.fieldErrors(typed, err); ok {
		return bot.FieldErrors(problems), nil
	}
	if text, expected := render.ErrorText(err); expected {
		return bot.ReplaceView(mrkdwn.Notice("Onboarding", text)), nil
	}
	// The form stays open with what was typed, for another try.
	return bot.FieldErrors(map[string]string{form.BlockDomains: h.replies.explain(ctx, err, "slug", typed.Slug)}), nil
}

// refused shows, where the form was, why it begins nothing.
func (h *formHandlers) refused(ctx context.Context, meta form.Meta, err error) bot.Answer {
	return bot.ReplaceView(mrkdwn.Notice("Onboarding", h.replies.explain(ctx, err, "run", meta.Edits.String())))
}

// carryOut does what a form asks for. A draft that cannot begin is saved.
func (h *formHandlers) carryOut(ctx context.Context, sent *formSubmission) error {
	logo, err := h.logos.fetch(ctx, sent)
	if problems, ok := errors.AsType[form.FieldErrors](err); ok {
		if now, unknown := h.starter.clocks.now(ctx, sent.Person, sent.draft.At); unknown == nil {
			problems.Merge(h.starter.check(ctx, sent.meta, sent.draft, now))
		}
	}
	if err == nil {
		sent.draft.Logo = logo
		if sent.meta.Plan {
			return h.plans.ofForm(ctx, sent)
		}
		err = h.starter.begin(ctx, start{sent.Person, sent.meta, sent.draft, sent.View.ID})
	}
	if _, refused := errors.AsType[*onboarding.PermissionError](err); refused {
		return err
	}
	if err != nil && sent.meta.KeepsDraft() {
		h.drafts.trySave(ctx, entry{person: sent.Person, under: sent.meta.Slug, draft: sent.draft})
	}
	return err
}

// answerLate shows the outcome where the form was. If something must be corrected, that is the
// form with everything that was typed.
func (h *formHandlers) answerLate(ctx context.Context, sent formSubmission, err error) {
	channel := blockkit.Channel(sent.meta.Channel)
	view := mrkdwn.Notice("Onboarding", fmt.Sprintf("%s The onboarding of %s has started: see %s.", mrkdwn.MarkDone,
		blockkit.Code(sent.draft.Slug), channel))
	if err == nil && sent.meta.Plan {
		view = mrkdwn.Notice("Onboarding", mrkdwn.MarkDone+" The plan is in "+channel+". Only you can see it.")
	}
	text := ""
	if err != nil {
		text = h.replies.explain(ctx, err, "slug", sent.draft.Slug)
		problems, _ := h.starter.fieldErrors(sent.draft, err)
		view = form.Form{Meta: sent.meta, Draft: sent.draft, Hosts: h.config.Hosts, Problems: problems,
			Hints: []string{mrkdwn.MarkFailed + " " + text}}.View()
	}
	sent.View.Hash = "" // whatever the form shows by now
	if failure := h.origins.update(ctx, sent.Press(), view); failure == nil || text == "" {
		return
	}
	// They closed the form in the meantime.
	if err := h.workspace.Ephemeral(ctx, bot.Recipient{Channel: sent.meta.Channel, User: sent.Person.ID},
		post.Reply{Text: text}); err != nil {
		h.replies.log.ErrorContext(ctx, "an operator got no answer to a form", "error", err)
	}
}
