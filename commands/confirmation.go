package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// confirmationHandlers asks for the one confirmation of a request that was typed in full, and
// answers its buttons.
type confirmationHandlers struct {
	service  *service.Service
	gate     *access.Gate
	replies  *responder
	messages *messenger
	starter  *starter
	drafts   *drafts
	origins  *provenance
	config   access.Config
}

// ask saves a complete and dated draft and shows the confirmation, below it the hints that are not
// empty.
func (h *confirmationHandlers) ask(ctx context.Context, typed entry, hints ...string) post.Reply {
	id, err := uuid.NewV7()
	if err == nil {
		typed.confirmation = id
		err = h.drafts.save(ctx, typed)
	}
	if err == nil {
		err = h.origins.ask(ctx, typed.person, form.ConfirmationBlock+typed.under, id.String())
	}
	if err != nil {
		return h.replies.failure(ctx, err, "slug", typed.under)
	}
	request, _ := typed.draft.Request(h.config.Hosts, time.Now()) // the draft is dated
	page := form.Confirmation(request, h.config.Hosts, typed.under, id)
	for _, hint := range hints {
		if hint != "" {
			page.Note(hint)
		}
	}
	return page.Reply()
}

// start begins the run that a confirmation shows.
func (h *confirmationHandlers) start(ctx context.Context, action bot.Action) error {
	slug := strings.TrimPrefix(action.Block, form.ConfirmationBlock)
	_, inTime := replyWithin(ctx, h.replies, func(ctx context.Context) error { return h.begin(ctx, action, slug) },
		func(context.Context, error) {})
	if !inTime {
		return h.replies.replace(ctx, action,
			mrkdwn.MarkBusy+" Checking what you typed. This takes a little longer than usual.")
	}
	return nil
}

func (h *confirmationHandlers) begin(ctx context.Context, action bot.Action, slug string) error {
	// Whoever presses becomes the requester, and somebody else approves.
	if _, err := h.origins.accept(ctx, action, subject{}); err != nil {
		return h.replies.replace(ctx, action, h.replies.explain(ctx, err, "slug", slug))
	}
	saved, _, err := h.drafts.load(ctx, action.Person, slug)
	if err != nil || saved == nil || saved.Confirmation != parseID(action.Value) {
		return h.replies.replace(ctx, action, h.outdated(ctx, slug, err))
	}
	meta := form.Meta{Channel: action.Channel, Slug: slug}
	err = h.starter.begin(ctx, start{action.Person, meta, saved.Draft, saved.Confirmation.String()})
	problems, wrong := h.starter.fieldErrors(saved.Draft, err)
	switch {
	case err == nil:
		run, err := h.service.Records.Latest(ctx, saved.Slug)
		if err != nil {
			return h.replies.replace(ctx, action, h.replies.explain(ctx, err, "slug", slug))
		}
		return h.replies.replace(ctx, action, h.begun(ctx, run))
	case !wrong:
		return h.replies.replace(ctx, action, h.replies.explain(ctx, err, "slug", slug))
	}
	corrected := form.Form{Meta: meta, Draft: saved.Draft, Hosts: h.config.Hosts, Problems: problems}
	err = h.origins.open(ctx, action.TriggerID, corrected.View())
	text := mrkdwn.MarkFailed + " " + blockkit.Escape(problems.Error())
	if err != nil {
		text += fmt.Sprintf("\n%s opens the form to correct it.", blockkit.Code(h.config.Command+" "+slug))
	}
	return h.replies.replace(ctx, action, text)
}

func (h *confirmationHandlers) begun(ctx context.Context, run *onboarding.Run) string {
	return fmt.Sprintf("%s The onboarding of %s has started%s.", mrkdwn.MarkDone, blockkit.Code(run.Request.Slug),
		h.messages.link(ctx, run))
}

// outdated says why a confirmation no longer counts.
func (h *confirmationHandlers) outdated(ctx context.Context, slug string, err error) string {
	if err != nil {
		return h.replies.explain(ctx, err, "slug", slug)
	}
	run, err := h.service.Records.Latest(ctx, slug)
	if err == nil && run.State == onboarding.RunActive {
		return h.begun(ctx, run)
	}
	return fmt.Sprintf("The draft of %s has changed since, so nothing was started. %s shows it.",
		blockkit.Code(slug), blockkit.Code(h.config.Command+" "+slug))
}

// change opens the form with what a confirmation shows.
func (h *confirmationHandlers) change(ctx context.Context, action bot.Action) error {
	err := h.gate.RequireOperator(ctx, action.Person)
	if err != nil {
		return h.replies.answer(ctx, action, err)
	}
	saved, hint, err := h.drafts.load(ctx, action.Person, action.Value)
	if err == nil && saved == nil {
		err = onboarding.ErrNotFound
	}
	if err == nil {
		meta := form.Meta{Channel: action.Channel, Slug: action.Value, Resumed: true}
		filled := form.Form{Meta: meta, Draft: saved.Draft, Hosts: h.config.Hosts, Hints: []string{hint}}
		err = h.origins.open(ctx, action.TriggerID, filled.View())
	}
	return h.replies.answer(ctx, action, err)
}
