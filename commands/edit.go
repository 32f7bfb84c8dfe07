package commands

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// edit opens the form with the request of a run, for somebody who corrects it after a rejection.
// What was applied already is shown and cannot be changed.
func (h *formHandlers) edit(ctx context.Context, action bot.Action) error {
	err := h.gate.RequireOperator(ctx, action.Person)
	var view *onboarding.View
	if err == nil {
		view, err = h.service.Records.View(ctx, parseID(action.Value))
	}
	if err == nil && (view.State != onboarding.RunActive || view.Kind != onboarding.KindOnboard) {
		err = onboarding.ErrRunEnded
	}
	if err == nil {
		applied := service.AppliedParts(view)
		hint := ""
		if len(applied.Domains) > 0 {
			hint = fmt.Sprintf("Applied already, so it stays as it is: %s.",
				blockkit.Escape(strings.Join(applied.Domains, ", ")))
		}
		draft := form.DraftOf(view.Request)
		if time.Now().After(view.Request.At.In()) {
			draft.At = "" // it has passed and holds nothing
		}
		meta := form.Meta{Channel: view.Channel, Slug: view.Request.Slug, Edits: view.ID, Fixed: applied.Person}
		err = h.origins.open(ctx, action.TriggerID, form.Form{Meta: meta, Draft: draft, Hosts: h.config.Hosts,
			Hints: []string{hint}}.View())
	}
	return h.replies.answer(ctx, action, err)
}

// read returns what is in a form. In one that edits a run, what the form does not ask for is that
// of the run.
func (h *formHandlers) read(
	ctx context.Context, meta form.Meta, state map[string]map[string]slack.BlockAction,
) (form.Draft, error) {
	draft := form.ReadDraft(meta, state)
	if meta.Edits == uuid.Nil {
		return draft, nil
	}
	view, err := h.service.Records.View(ctx, meta.Edits)
	if err != nil {
		return draft, err
	}
	draft = draft.KeepFixed(meta, view.Request, service.AppliedParts(view).Person)
	return draft.KeepHidden(form.DraftOf(view.Request), state), nil
}
