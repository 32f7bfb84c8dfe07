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
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

// checkTimeout bounds a check of the world that is made before the form must open: Slack lets it open for 3 s.
const checkTimeout = 800 * time.Millisecond

// check finds what is wrong with a draft, each with a sentence at its block. What cannot be found out in time is left for when
// the run begins.
func (d *Handlers) check(ctx context.Context, content form.Draft) form.FieldErrors {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	request, problems := content.Request(d.config.Hosts)
	if found, ok := errors.AsType[onboarding.Problems](d.service.Check(ctx, request)); ok {
		for block, text := range content.AtBlocks(found, d.config.Hosts) {
			problems.Add(block, text)
		}
	}
	return problems
}

// makeOffer keeps a whole request and asks for the one confirmation.
func (d *Handlers) makeOffer(ctx context.Context, person bot.Person, under string, content form.Draft, hints ...string) bot.Reply {
	id, err := uuid.NewV7()
	if err == nil {
		err = d.save(ctx, person, under, savedDraft{Draft: content, Confirmation: id}, time.Time{})
	}
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "slug", under)}
	}
	request, _ := content.Request(d.config.Hosts)
	page := form.Confirmation(request, d.config.Hosts, under, id)
	for _, hint := range hints {
		if hint != "" {
			page.Note(hint)
		}
	}
	return page.Reply()
}

// startOffered begins the run that a confirmation shows.
func (d *Handlers) startOffered(ctx context.Context, action bot.Action) error {
	slug := strings.TrimPrefix(action.Block, form.ConfirmationBlock)
	_, inTime := replyWithin(ctx, d, func(ctx context.Context) error { return d.beginOffered(ctx, action, slug) }, func(context.Context, error) {})
	if !inTime {
		return d.replace(ctx, action, mrkdwn.MarkBusy+" Checking what you typed. This takes a little longer than usual.")
	}
	return nil
}

func (d *Handlers) beginOffered(ctx context.Context, action bot.Action, slug string) error {
	content, _, err := d.resume(ctx, action.Person, slug)
	if err != nil || content == nil || content.Confirmation != idOf(action.Value) {
		return d.replace(ctx, action, d.notOffered(ctx, slug, err))
	}
	meta := form.Meta{Channel: action.Channel, Slug: slug}
	err = d.begin(ctx, action.Person, meta, content.Draft, content.Confirmation.String())
	problems, wrong := d.wrong(content.Draft, err)
	switch {
	case err == nil:
		run, err := d.service.Records.Latest(ctx, content.Slug)
		if err != nil {
			return d.replace(ctx, action, d.explain(ctx, err, "slug", slug))
		}
		return d.replace(ctx, action, fmt.Sprintf("%s The onboarding of %s has begun%s.", mrkdwn.MarkDone, blockkit.Code(content.Slug), d.link(ctx, run)))
	case !wrong:
		return d.replace(ctx, action, d.explain(ctx, err, "slug", slug))
	}
	_, err = d.workspace.OpenView(ctx, action.TriggerID, form.View(meta, content.Draft, d.config.Hosts, problems))
	text := mrkdwn.MarkFailed + " " + blockkit.Escape(problems.Error())
	if err != nil {
		text += fmt.Sprintf("\n%s opens the form to mend it.", blockkit.Code(d.config.Command+" "+slug))
	}
	return d.replace(ctx, action, text)
}

// notOffered says why a confirmation no longer counts.
func (d *Handlers) notOffered(ctx context.Context, slug string, err error) string {
	if err != nil {
		return d.explain(ctx, err, "slug", slug)
	}
	run, err := d.service.Records.Latest(ctx, slug)
	if err == nil && run.State == onboarding.RunActive {
		return fmt.Sprintf("%s The onboarding of %s has begun%s.", mrkdwn.MarkDone, blockkit.Code(slug), d.link(ctx, run))
	}
	return fmt.Sprintf("What was typed about %s has changed since, so that nothing was begun. %s shows it.", blockkit.Code(slug), blockkit.Code(d.config.Command+" "+slug))
}

// changeOffered opens the form with what a confirmation shows.
func (d *Handlers) changeOffered(ctx context.Context, action bot.Action) error {
	err := d.requireOperator(ctx, action.Person)
	if err != nil {
		return d.answer(ctx, action, err)
	}
	content, hint, err := d.resume(ctx, action.Person, action.Value)
	if err == nil && content == nil {
		err = onboarding.ErrNotFound
	}
	if err == nil {
		_, err = d.workspace.OpenView(ctx, action.TriggerID,
			form.View(form.Meta{Channel: action.Channel, Slug: action.Value, Resumed: true}, content.Draft, d.config.Hosts, nil, hint))
	}
	return d.answer(ctx, action, err)
}
