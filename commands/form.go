package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/access"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/logo"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// formHandlers opens the form, keeps what is typed in it, and begins or plans a run when it is
// sent.
type formHandlers struct {
	service       *service.Service
	workspace     *bot.Workspace
	gate          *access.Gate
	replies       *responder
	messages      *messenger
	starter       *starter
	drafts        *drafts
	plans         *planHandlers
	confirmations *confirmationHandlers
	origins       *provenance
	logos         *logo.Fetcher
	config        access.Config
}

// start asks for what is missing about a slug, which may be empty, unless that slug is already
// being onboarded.
func (h *formHandlers) start(ctx context.Context, command bot.Command, parsed parsedCommand) post.Reply {
	if parsed.slug != "" {
		run, err := h.service.Records.Latest(ctx, parsed.slug)
		switch {
		case err == nil && run.State == onboarding.RunActive:
			return post.Reply{Text: fmt.Sprintf("%s is already being onboarded%s. %s shows its state. To correct "+
				"the request, cancel the run; this command then opens the form with it.",
				blockkit.Code(parsed.slug), h.messages.link(ctx, run),
				blockkit.Code(h.config.Command+" "+render.WordStatus+" "+parsed.slug))}
		case err != nil && !errors.Is(err, onboarding.ErrNotFound):
			return h.replies.failure(ctx, err, "slug", parsed.slug)
		}
	}
	return h.gather(ctx, command, parsed, false)
}

// gather puts what was typed now over the draft. A complete request gets one confirmation.
// Otherwise the form asks for the rest, and shows each problem at its input.
func (h *formHandlers) gather(ctx context.Context, command bot.Command, parsed parsedCommand, plan bool) post.Reply {
	saved, whose, err := h.drafts.load(ctx, command.Person, parsed.slug)
	if err != nil {
		return h.replies.failure(ctx, err, "slug", parsed.slug)
	}
	meta := form.Meta{Channel: command.Channel, Plan: plan, Slug: parsed.slug, Resumed: saved != nil}
	var draft form.Draft
	var before string
	if saved != nil {
		draft = saved.Draft
	} else if draft, before, err = h.begun(ctx, parsed.slug); err != nil {
		return h.replies.failure(ctx, err, "slug", parsed.slug)
	}
	typed := len(parsed.inputs.Values) > 0 || parsed.unread
	if typed {
		draft = draft.With(parsed.inputs)
	}
	if plan {
		draft.At = "" // a plan says what would change, not when
	}
	now, err := h.starter.clocks.now(ctx, command.Person, draft.At)
	if err != nil {
		return h.replies.failure(ctx, err, "slug", parsed.slug)
	}
	if !typed {
		opened := form.Form{Meta: meta, Draft: draft, Hosts: h.config.Hosts,
			Hints: []string{parsed.hint, whose, before}}
		if parsed.slug != "" {
			// A slug that is taken or reserved is told before anything else is typed.
			opened.Problems = draft.OnlyGiven(h.starter.check(ctx, meta, draft, now))
		}
		return h.open(ctx, command, opened.View())
	}
	draft, when := draft.Dated(now)
	if draft.Mode != onboarding.ModeOwner && !form.BrandTyped(parsed.inputs) {
		// Only owners have a brand, and nobody typed one now: it is left from another mode.
		draft.Copy, draft.Palette, draft.Logo = "", "", ""
	}
	draft.Slug = cmp.Or(parsed.slug, parsed.inputs.Slug)
	problems := h.starter.check(ctx, meta, draft, now)
	complete := len(problems) == 0 && !parsed.unread
	switch {
	case complete && plan:
		return h.plans.ofCommand(ctx, command, draft)
	case complete:
		return h.confirmations.ask(ctx, entry{person: command.Person, under: parsed.slug, draft: draft},
			parsed.hint, when, whose, before)
	case !plan:
		h.drafts.trySave(ctx, entry{person: command.Person, under: parsed.slug, draft: draft})
	}
	return h.open(ctx, command, form.Form{Meta: meta, Draft: draft, Hosts: h.config.Hosts,
		Problems: draft.OnlyGiven(problems), Hints: []string{parsed.hint, when, whose, before}}.View())
}

// begun returns what the form for a slug begins with: the request of its last onboarding, and a
// sentence about it, or an empty draft.
func (h *formHandlers) begun(ctx context.Context, slug string) (form.Draft, string, error) {
	run, err := h.service.Records.Onboarding(ctx, slug)
	if errors.Is(err, onboarding.ErrNotFound) {
		return form.NewDraft(slug), "", nil
	}
	if err != nil {
		return form.Draft{}, "", err
	}
	draft := form.DraftOf(run.Request)
	draft.At = "" // a new run has a time of its own
	return draft, fmt.Sprintf("This is the last request for %s%s. What is already done is not "+
		"done again.", blockkit.Code(slug), h.messages.link(ctx, run)), nil
}

func (h *formHandlers) open(ctx context.Context, command bot.Command, view slack.ModalViewRequest) post.Reply {
	if err := h.origins.open(ctx, command.TriggerID, view); err != nil {
		return h.replies.failure(ctx, err, "envelope", command.Envelope)
	}
	return post.Reply{}
}

// orgs offers the platform's Orgs that match what was typed.
func (h *formHandlers) orgs(ctx context.Context, suggestion bot.Suggestion) ([]*slack.OptionBlockObject, error) {
	if err := h.gate.RequireOperator(ctx, suggestion.Person); err != nil {
		return nil, err
	}
	orgs, err := h.service.Platform.Orgs(ctx, suggestion.Typed, blockkit.MaxSelectOptions)
	if err != nil {
		return nil, fmt.Errorf("orgs: %w", err)
	}
	return form.OrgOptions(orgs), nil
}

// reshape shows the inputs that a choice in the form needs.
func (h *formHandlers) reshape(ctx context.Context, action bot.Action) error {
	if action.View == nil {
		return errors.New("a choice of the form was made outside of it")
	}
	meta, err := form.DecodeMeta(action.View.PrivateMetadata)
	if err != nil {
		return err
	}
	if err := h.require(ctx, action, meta); err != nil { // what is shown next counts as the bot's own
		return h.closed(ctx, action, h.replies.explain(ctx, err, "action", action.ID))
	}
	draft, err := h.read(ctx, meta, action.State)
	if err != nil {
		return err
	}
	// What the form is about to show may have been typed before. Otherwise the draft can be read
	// after the form is updated.
	more := meta.KeepsDraft() &&
		(draft.Mode != onboarding.ModePerson || draft.Host == form.PerDomain || draft.Mail != "")
	if more {
		if draft, err = h.withHidden(ctx, action, meta); err != nil {
			return err
		}
	}
	if action.ID == form.ActionMode {
		draft = draft.SuggestOrg()
	}
	// The hash keeps a slow answer to an earlier choice from replacing the answer to a later one.
	if err = h.origins.update(ctx, action,
		form.Form{Meta: meta, Draft: draft, Hosts: h.config.Hosts}.View()); err != nil {
		return err
	}
	if !meta.KeepsDraft() {
		return nil
	}
	if !more {
		if draft, err = h.withHidden(ctx, action, meta); err != nil {
			return err
		}
	}
	return h.keep(ctx, action, meta, draft)
}

// typed keeps what is in the form. Slack sends it with every character, since it does not send
// what was in a form that is closed.
func (h *formHandlers) typed(ctx context.Context, action bot.Action) error {
	if action.View == nil || action.View.CallbackID != form.ViewForm {
		return nil
	}
	meta, err := form.DecodeMeta(action.View.PrivateMetadata)
	if err != nil || !meta.KeepsDraft() {
		return err
	}
	if err := h.require(ctx, action, meta); err != nil {
		return h.closed(ctx, action, h.replies.explain(ctx, err, "action", action.ID))
	}
	draft, err := h.withHidden(ctx, action, meta)
	if err != nil {
		return err
	}
	return h.keep(ctx, action, meta, draft)
}

// withHidden returns what is in a form that keeps a draft, and from the saved draft the inputs
// that the form does not show at the moment.
func (h *formHandlers) withHidden(ctx context.Context, action bot.Action, meta form.Meta) (form.Draft, error) {
	draft := form.ReadDraft(meta, action.State)
	before, _, err := h.drafts.load(ctx, action.Person, cmp.Or(meta.Slug, draft.Slug))
	if err != nil || before == nil {
		return draft, err
	}
	return draft.KeepHidden(before.Draft, action.State), nil
}

// require refuses a press in a form unless an operator made it in what the bot shows.
func (h *formHandlers) require(ctx context.Context, action bot.Action, meta form.Meta) error {
	_, err := h.origins.accept(ctx, action, subject{run: meta.Edits})
	return err
}

// closed shows a sentence where the form was.
func (h *formHandlers) closed(ctx context.Context, action bot.Action, text string) error {
	_, err := h.workspace.UpdateView(ctx, openModal(action), mrkdwn.Notice("Onboarding", text))
	return err
}

// keep saves the draft as of a press in the form.
func (h *formHandlers) keep(ctx context.Context, action bot.Action, meta form.Meta, draft form.Draft) error {
	return h.drafts.save(ctx, entry{person: action.Person, under: meta.Slug, typed: pressedAt(action),
		draft: draft})
}

// pressedAt is when something was done in Slack, zero if Slack does not say.
func pressedAt(action bot.Action) time.Time {
	seconds, micros, _ := strings.Cut(action.Raw.ActionTs, ".")
	whole, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	part, _ := strconv.ParseInt(micros, 10, 64)
	return time.Unix(whole, part*int64(time.Microsecond))
}

// discard deletes a draft, from its form or from the confirmation.
func (h *formHandlers) discard(ctx context.Context, action bot.Action) error {
	slug := action.Value
	if action.View == nil {
		slug = strings.TrimPrefix(action.Block, form.ConfirmationBlock)
	}
	err := h.require(ctx, action, form.Meta{})
	if err == nil && onboarding.CheckSlug(slug, nil) != "" {
		err = onboarding.ErrNotFound
	}
	if err == nil {
		err = h.service.Drafts.Drop(ctx, slug)
	}
	text := fmt.Sprintf("The draft was discarded. %s starts a new one.",
		blockkit.Code(h.config.Command+" "+slug))
	if err != nil {
		text = h.replies.explain(ctx, err, "draft", slug)
	}
	if action.View == nil {
		return h.replies.replace(ctx, action, text)
	}
	return h.closed(ctx, action, text)
}
