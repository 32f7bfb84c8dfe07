package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

// offer is the one confirmation of a request that was typed whole. It is a private message and no modal: it waits for as long as
// somebody reads it, and its buttons bring triggers of their own. Pressed twice, it begins one run.
func (s scribe) offer(request onboarding.Request, slug string, id uuid.UUID) *sheet {
	page := new(sheet)
	page.say(fmt.Sprintf("Onboard *%s* (%s)?\n%s", inline(request.DisplayName), blockkit.Code(request.Slug), about(request)))
	facts := []string{"Email: " + inline(request.Email)}
	for _, domain := range request.Domains {
		fact := blockkit.Escape(domainName(domain.Name)) + ": " + mailWords(domain.Mail)
		if len(s.hosts) > 1 {
			fact += ", on " + inline(domain.Host)
		}
		facts = append(facts, fact)
	}
	if request.Brand != nil {
		facts = append(facts, "Looks: "+brandWords(request.Brand))
	}
	page.say(blockkit.Truncate(strings.Join(facts, "\n"), blockkit.MaxSectionText))
	page.buttons(offerBlock+slug, blockkit.Button(actionStart, id.String(), "Start", slack.StylePrimary), blockkit.Button(actionChange, slug, "Change…", ""), discardButton(slug))
	return page
}

// offerBlock precedes the slug in the block id of an offer's buttons.
const offerBlock = "offer/"

func mailWords(mail onboarding.Mail) string {
	if mail.Plan == onboarding.MailForward {
		return "mail forwarded to " + inline(mail.Forward)
	}
	return strings.ToLower(mail.Plan.String())
}

func brandWords(brand *onboarding.Brand) string {
	colors := brand.Palette
	words := []string{fmt.Sprintf("%s on %s with %s and %s", colors.Text, colors.Background, colors.Primary, colors.Accent)}
	if brand.Copy != "" {
		words = append(words, fmt.Sprintf("%d characters of copy", len([]rune(brand.Copy))))
	}
	if brand.Logo != "" {
		words = append(words, "a logo")
	}
	return strings.Join(words, ", ")
}

// quickly bounds a check of the world that is made before the form must open: Slack lets it open for 3 s.
const quickly = 800 * time.Millisecond

// check finds what is wrong with a draft, each with a sentence at its block. What cannot be found out in time is left for when
// the run begins.
func (d *Handlers) check(ctx context.Context, content draft) slips {
	ctx, cancel := context.WithTimeout(ctx, quickly)
	defer cancel()
	request, problems := content.request(d.config.Hosts)
	if found, ok := errors.AsType[onboarding.Problems](d.service.Check(ctx, request)); ok {
		for block, text := range content.atBlocks(found, d.config.Hosts) {
			problems.at(block, text)
		}
	}
	return problems
}

// makeOffer keeps a whole request and asks for the one confirmation.
func (d *Handlers) makeOffer(ctx context.Context, person bot.Person, under string, content draft, hints ...string) bot.Reply {
	id, err := uuid.NewV7()
	if err == nil {
		err = d.save(ctx, person, under, kept{draft: content, Offer: id}, time.Time{})
	}
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "slug", under)}
	}
	request, _ := content.request(d.config.Hosts)
	page := d.scribe.offer(request, under, id)
	for _, hint := range hints {
		if hint != "" {
			page.note(hint)
		}
	}
	return page.reply()
}

// startOffered begins the run that a confirmation shows.
func (d *Handlers) startOffered(ctx context.Context, action bot.Action) error {
	slug := strings.TrimPrefix(action.Block, offerBlock)
	_, inTime := soon(ctx, d, func(ctx context.Context) error { return d.beginOffered(ctx, action, slug) }, func(context.Context, error) {})
	if !inTime {
		return d.replace(ctx, action, markBusy+" Checking what you typed. This takes a little longer than usual.")
	}
	return nil
}

func (d *Handlers) beginOffered(ctx context.Context, action bot.Action, slug string) error {
	content, _, err := d.resume(ctx, action.Person, slug)
	if err != nil || content == nil || content.Offer != idOf(action.Value) {
		return d.replace(ctx, action, d.notOffered(ctx, slug, err))
	}
	meta := formMeta{Channel: action.Channel, Slug: slug}
	err = d.begin(ctx, action.Person, meta, content.draft, content.Offer.String())
	problems, wrong := d.wrong(content.draft, err)
	switch {
	case err == nil:
		run, err := d.service.Latest(ctx, content.Slug)
		if err != nil {
			return d.replace(ctx, action, d.explain(ctx, err, "slug", slug))
		}
		return d.replace(ctx, action, fmt.Sprintf("%s The onboarding of %s has begun%s.", markDone, blockkit.Code(content.Slug), d.link(ctx, run)))
	case !wrong:
		return d.replace(ctx, action, d.explain(ctx, err, "slug", slug))
	}
	_, err = d.workspace.OpenView(ctx, action.TriggerID, form(meta, content.draft, d.config.Hosts, problems))
	text := markFailed + " " + blockkit.Escape(problems.Error())
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
	run, err := d.service.Latest(ctx, slug)
	if err == nil && run.State == onboarding.RunActive {
		return fmt.Sprintf("%s The onboarding of %s has begun%s.", markDone, blockkit.Code(slug), d.link(ctx, run))
	}
	return fmt.Sprintf("What was typed about %s has changed since, so that nothing was begun. %s shows it.", blockkit.Code(slug), blockkit.Code(d.config.Command+" "+slug))
}

// changeOffered opens the form with what a confirmation shows.
func (d *Handlers) changeOffered(ctx context.Context, action bot.Action) error {
	err := d.operator(ctx, action.Person)
	if err != nil {
		return d.answer(ctx, action, err)
	}
	content, hint, err := d.resume(ctx, action.Person, action.Value)
	if err == nil && content == nil {
		err = onboarding.ErrNotFound
	}
	if err == nil {
		_, err = d.workspace.OpenView(ctx, action.TriggerID,
			form(formMeta{Channel: action.Channel, Slug: action.Value, Resumed: true}, content.draft, d.config.Hosts, nil, hint))
	}
	return d.answer(ctx, action, err)
}
