package commands

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// drafts keeps what people typed and did not send yet.
type drafts struct {
	service *service.Service
	log     *slog.Logger
}

// savedDraft is a draft as the database has it.
type savedDraft struct {
	form.Draft
	// Confirmation names the confirmation that shows exactly this draft, so its Start begins
	// nothing else. Zero if there is none.
	Confirmation uuid.UUID `json:"offer,omitzero"`
}

// entry is a draft with who typed it, and when.
type entry struct {
	person bot.Person
	// under is the slug that the form was opened for, which may be empty.
	under string
	// typed is when it was typed. Zero means now.
	typed time.Time
	draft form.Draft
	// confirmation names the confirmation that shows the draft, if any.
	confirmation uuid.UUID
}

// save keeps a draft under the slug that the form was opened for, or else under the slug in the
// draft. Without either nothing could find it again, and it is not kept.
func (d *drafts) save(ctx context.Context, typed entry) error {
	under := cmp.Or(typed.under, typed.draft.Slug)
	if onboarding.CheckSlug(under, nil) != "" {
		return nil
	}
	by, err := d.service.Operator(ctx, typed.person.ID)
	if err != nil {
		return err
	}
	encoded, err := json.Marshal(savedDraft{Draft: typed.draft, Confirmation: typed.confirmation})
	if err != nil {
		return fmt.Errorf("draft of %s: %w", under, err)
	}
	return d.service.Drafts.Save(ctx, onboarding.Draft{Slug: under, By: by, Inputs: encoded, Updated: typed.typed})
}

// trySave saves a draft after something else failed. The person reads about that failure, so this
// one is only logged.
func (d *drafts) trySave(ctx context.Context, typed entry) {
	if err := d.save(ctx, typed); err != nil {
		d.log.WarnContext(ctx, "a draft was not saved", "slug", typed.under, "error", err)
	}
}

// load returns the draft of a slug, nil if there is none, with a hint for the form that says who
// typed it.
func (d *drafts) load(
	ctx context.Context, person bot.Person, slug string,
) (draft *savedDraft, hint string, err error) {
	if slug == "" {
		return nil, "", nil
	}
	found, err := d.service.Drafts.Get(ctx, slug)
	if err != nil || found == nil {
		return nil, "", err
	}
	draft = new(savedDraft)
	if err := json.Unmarshal(found.Inputs, draft); err != nil {
		return nil, "", fmt.Errorf("draft of %s: %w", slug, err)
	}
	who, has := mrkdwn.Mention(found.By), "has"
	if found.By.ID == person.ID {
		who, has = "you", "have"
	}
	return draft, fmt.Sprintf("This is what %s typed %s and %s not sent.", who, blockkit.Date(found.Updated), has),
		nil
}

// drop deletes the drafts of slugs, which may be empty, after their run began.
func (d *drafts) drop(ctx context.Context, slugs ...string) {
	for _, slug := range slugs {
		if slug == "" {
			continue
		}
		if err := d.service.Drafts.Drop(ctx, slug); err != nil {
			d.log.WarnContext(ctx, "a draft was not deleted after its run began", "slug", slug, "error", err)
		}
	}
}
