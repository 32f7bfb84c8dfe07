package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/refusal"
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
	err = h.carryOut(ctx, &sent)
	if err == nil {
		return bot.Answer{}.OrLate(mrkdwn.Notice("Onboarding", sent.done())), nil
	}
	text := h.replies.explain(ctx, err, "slug", draft.Slug)
	problems, wrong := h.starter.fieldErrors(draft, err)
	_, expected := refusal.Text(err)
	answer := bot.ReplaceView(mrkdwn.Notice("Onboarding", text))
	switch {
	case wrong:
		answer = bot.FieldErrors(problems)
	case !expected: // the form stays open with what was typed, for another try
		answer = bot.FieldErrors(map[string]string{form.BlockDomains: text})
	}
	return answer.OrLate(form.Form{Meta: meta, Draft: sent.draft, Hosts: h.config.Hosts, Problems: problems,
		Hints: []string{mrkdwn.MarkFailed + " " + text}}.View()), nil
}

// done says what came of a form that was sent.
func (s formSubmission) done() string {
	channel := blockkit.Channel(s.meta.Channel)
	if s.meta.Plan {
		return mrkdwn.MarkDone + " The plan is in " + channel + ". Only you can see it."
	}
	return fmt.Sprintf("%s The onboarding of %s has started: see %s.", mrkdwn.MarkDone,
		blockkit.Code(s.draft.Slug), channel)
}

// refused shows, where the form was, why it begins nothing.
func (h *formHandlers) refused(ctx context.Context, meta form.Meta, err error) bot.Answer {
	return bot.ReplaceView(mrkdwn.Notice("Onboarding", h.replies.explain(ctx, err, "run", meta.Edits.String())))
}

// carryOut does what a form asks for. A draft that cannot begin is saved.
func (h *formHandlers) carryOut(ctx context.Context, sent *formSubmission) error {
	var err error
	picture := sent.draft.Logo
	if sent.draft.Mode == onboarding.ModeOwner {
		picture, err = h.logos.Fetch(ctx, sent.Submission, picture)
	}
	if problems, ok := errors.AsType[form.FieldErrors](err); ok {
		if now, unknown := h.starter.clocks.now(ctx, sent.Person, sent.draft.At); unknown == nil {
			problems.Merge(h.starter.check(ctx, sent.meta, sent.draft, now))
		}
	}
	if err == nil {
		sent.draft.Logo = picture
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
