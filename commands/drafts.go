package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// savedDraft is a draft as it waits in the database.
type savedDraft struct {
	form.Draft
	// Offer names the confirmation that shows exactly this, so that its Start begins nothing else. Zero where there is none.
	Confirmation uuid.UUID `json:"offer,omitzero"`
}

// save keeps what somebody typed under the slug that the form was opened for, else under the one that they typed. Without
// either there is nothing to find it by. A zero time means now.
func (d *Handlers) save(ctx context.Context, person bot.Person, under string, content savedDraft, typed time.Time) error {
	if under == "" {
		under = content.Slug
	}
	if onboarding.CheckSlug(under, nil) != "" {
		return nil
	}
	by, err := d.service.Operator(ctx, person.ID)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("draft of %s: %w", under, err)
	}
	return d.service.Drafts.Save(ctx, onboarding.Draft{Slug: under, By: by, Inputs: encoded, Updated: typed})
}

// saveNow saves beside something else that went wrong, which is what the person hears of.
func (d *Handlers) saveNow(ctx context.Context, person bot.Person, under string, content form.Draft) {
	if err := d.save(ctx, person, under, savedDraft{Draft: content}, time.Time{}); err != nil {
		d.log.WarnContext(ctx, "what was typed is not kept", "slug", under, "error", err)
	}
}

// resume returns what was typed about a slug and says whose it is, nil if nothing was.
func (d *Handlers) resume(ctx context.Context, person bot.Person, slug string) (content *savedDraft, hint string, err error) {
	if slug == "" {
		return nil, "", nil
	}
	found, err := d.service.Drafts.Get(ctx, slug)
	if err != nil || found == nil {
		return nil, "", err
	}
	content = new(savedDraft)
	if err := json.Unmarshal(found.Inputs, content); err != nil {
		return nil, "", fmt.Errorf("draft of %s: %w", slug, err)
	}
	who, has := mrkdwn.Mention(found.By), "has"
	if found.By.ID == person.ID {
		who, has = "you", "have"
	}
	return content, fmt.Sprintf("This is what %s typed %s and %s not sent.", who, blockkit.Date(found.Updated), has), nil
}

// forget drops what was typed for a run that has begun.
func (d *Handlers) forget(ctx context.Context, slugs ...string) {
	for _, slug := range slugs {
		if slug == "" {
			continue
		}
		if err := d.service.Drafts.Drop(ctx, slug); err != nil {
			d.log.WarnContext(ctx, "a draft is left over", "slug", slug, "error", err)
		}
	}
}

// typed keeps what is in a form at this moment. Slack sends it with every character, since it says nothing of what was in a form
// that is closed.
func (d *Handlers) typed(ctx context.Context, action bot.Action) error {
	if action.View == nil || action.View.CallbackID != form.ViewForm {
		return nil
	}
	meta, err := form.DecodeMeta(action.View.PrivateMetadata)
	if err != nil {
		return err
	}
	content, err := d.filledIn(ctx, action, meta)
	if err != nil {
		return err
	}
	return d.keepTyped(ctx, action, meta, content)
}

// filledIn is what is in a form, and what was before in inputs that it does not show at the moment.
func (d *Handlers) filledIn(ctx context.Context, action bot.Action, meta form.Meta) (form.Draft, error) {
	content := form.ReadDraft(meta, action.State)
	before, _, err := d.resume(ctx, action.Person, cmp.Or(meta.Slug, content.Slug))
	if err != nil || before == nil || meta.Plan {
		return content, err
	}
	return content.Remembering(before.Draft, action.State), nil
}

// keepTyped keeps a form's content as of a press in it, for operators alone and not for a dry run.
func (d *Handlers) keepTyped(ctx context.Context, action bot.Action, meta form.Meta, content form.Draft) error {
	if meta.Plan {
		return nil
	}
	if err := d.requireOperator(ctx, action.Person); err != nil {
		if _, expected := render.ErrorText(err); expected {
			return nil
		}
		return err
	}
	return d.save(ctx, action.Person, meta.Slug, savedDraft{Draft: content}, pressed(action))
}

// pressed is when something was done in Slack, zero if Slack does not say.
func pressed(action bot.Action) time.Time {
	seconds, micros, _ := strings.Cut(action.Raw.ActionTs, ".")
	whole, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}
	}
	part, _ := strconv.ParseInt(micros, 10, 64)
	return time.Unix(whole, part*int64(time.Microsecond))
}

// discard forgets a draft, from its form or from the confirmation.
func (d *Handlers) discard(ctx context.Context, action bot.Action) error {
	err := d.requireOperator(ctx, action.Person)
	if err == nil && onboarding.CheckSlug(action.Value, nil) != "" {
		err = onboarding.ErrNotFound
	}
	if err == nil {
		err = d.service.Drafts.Drop(ctx, action.Value)
	}
	text := fmt.Sprintf("The draft is discarded. %s begins anew.", blockkit.Code(d.config.Command+" "+action.Value))
	if err != nil {
		text = d.explain(ctx, err, "draft", action.Value)
	}
	if action.View == nil {
		return d.replace(ctx, action, text)
	}
	_, failure := d.workspace.UpdateView(ctx, action.View.ID, action.View.Hash, mrkdwn.Notice("Onboarding", text))
	return errors.Join(failure)
}
