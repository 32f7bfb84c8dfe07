package commands

import (
	"context"
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

func (d *Desk) registerForm(router *bot.Router) {
	router.Action(actionMode, d.modeChosen)
	router.Options(actionOrg, d.orgs)
	router.View(viewForm, d.submitted)
}

// start opens the form for a slug, which may be empty, unless that one is being onboarded already.
func (d *Desk) start(ctx context.Context, command bot.Command, read phrase) bot.Reply {
	if read.slug != "" {
		run, err := d.service.Latest(ctx, read.slug)
		switch {
		case err == nil && run.State == onboarding.RunActive:
			return bot.Reply{Text: fmt.Sprintf("%s is being onboarded already%s. %s shows where it stands.",
				bot.Code(read.slug), d.link(ctx, run), bot.Code(d.config.Command+" "+wordStatus+" "+read.slug))}
		case err != nil && !errors.Is(err, onboarding.ErrNotFound):
			return bot.Reply{Text: d.explain(ctx, err, "slug", read.slug)}
		}
	}
	return d.openForm(ctx, command, read, false)
}

func (d *Desk) openForm(ctx context.Context, command bot.Command, read phrase, plan bool) bot.Reply {
	view := form(formMeta{Channel: command.Channel, Plan: plan}, newDraft(read.slug), read.hint, nil)
	if _, err := d.workspace.OpenView(ctx, command.TriggerID, view); err != nil {
		d.log.ErrorContext(ctx, "the form could not be opened", "error", err)
		return bot.Reply{Text: "Slack did not let me open the form in time. Please type it again."}
	}
	return bot.Reply{}
}

// modeChosen lets the form ask for what the chosen mode needs.
func (d *Desk) modeChosen(ctx context.Context, action bot.Action) error {
	if action.View == nil {
		return errors.New("a mode was chosen outside a form")
	}
	meta, err := decodeFormMeta(action.View.PrivateMetadata)
	if err != nil {
		return err
	}
	view := form(meta, readDraft(action.State).suggestOrg(), "", nil)
	// The hash keeps a slow answer to an earlier choice from replacing the answer to a later one.
	_, err = d.workspace.UpdateView(ctx, action.View.ID, action.View.Hash, view)
	return err
}

// orgs offers the platform's Orgs that match what was typed.
func (d *Desk) orgs(ctx context.Context, suggestion bot.Suggestion) ([]*slack.OptionBlockObject, error) {
	if err := d.operator(ctx, suggestion.Person); err != nil {
		return nil, err
	}
	orgs, err := d.service.Platform.Orgs(ctx, suggestion.Typed, bot.MaxSelectOptions)
	if err != nil {
		return nil, fmt.Errorf("orgs: %w", err)
	}
	return orgOptions(orgs), nil
}

// submitted begins a run, or plans one. The view's id is the submission: one form begins one run, however often it is sent.
func (d *Desk) submitted(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	meta, err := decodeFormMeta(submission.Metadata)
	if err != nil {
		return bot.Answer{}, err
	}
	if !d.config.allows(meta.Channel) {
		return bot.ReplaceView(notice("Onboarding", d.elsewhere())), nil
	}
	typed := readDraft(submission.State)
	order := order{meta: meta, draft: typed, submission: submission}
	err, inTime := soon(ctx, d, func(ctx context.Context) error { return d.carryOut(ctx, order) },
		func(ctx context.Context, err error) { d.answerLate(ctx, order, err) })
	if !inTime {
		return bot.ReplaceView(notice("Onboarding", markBusy+" Checking what you sent. This takes a little longer than usual.")), nil
	}
	if err == nil {
		return bot.Answer{}, nil
	}
	if problems, ok := errors.AsType[onboarding.Problems](err); ok {
		return bot.FieldErrors(atBlocks(problems, typed.mode)), nil
	}
	if text, expected := sentence(err); expected {
		return bot.ReplaceView(notice("Onboarding", text)), nil
	}
	// What was typed stays where it is, for another try.
	return bot.FieldErrors(map[string]string{blockDomains: d.explain(ctx, err, "slug", typed.slug)}), nil
}

// order is a form that was sent.
type order struct {
	meta       formMeta
	draft      draft
	submission bot.Submission
}

func (d *Desk) carryOut(ctx context.Context, order order) error {
	person := order.submission.Person
	if err := d.own(ctx, person); err != nil {
		return err
	}
	request := order.draft.request(d.config.Host)
	if !order.meta.Plan {
		_, err := d.service.Begin(ctx, request, person.ID, order.meta.Channel, order.submission.View.ID)
		return err
	}
	plan, err := d.service.Plan(ctx, request, person.ID)
	if err != nil {
		return err
	}
	reply, err := d.planned(ctx, plan, person.ID, order.submission.View.ID)
	if err != nil {
		return err
	}
	return d.workspace.Ephemeral(ctx, order.meta.Channel, "", person.ID, reply)
}

// answerLate puts the outcome where the form was, with everything that was typed if something has to be mended.
func (d *Desk) answerLate(ctx context.Context, order order, err error) {
	view := notice("Onboarding", fmt.Sprintf("%s The onboarding of %s has begun: see %s.", markDone, bot.Code(order.draft.slug), bot.Channel(order.meta.Channel)))
	if err == nil && order.meta.Plan {
		view = notice("Onboarding", markDone+" The plan is in "+bot.Channel(order.meta.Channel)+", where only you see it.")
	}
	text := ""
	if err != nil {
		text = d.explain(ctx, err, "slug", order.draft.slug)
		problems, _ := errors.AsType[onboarding.Problems](err)
		view = form(order.meta, order.draft, markFailed+" "+text, atBlocks(problems, order.draft.mode))
	}
	if _, failure := d.workspace.UpdateView(ctx, order.submission.View.ID, "", view); failure == nil || text == "" {
		return
	}
	// They closed it meanwhile.
	if err := d.workspace.Ephemeral(ctx, order.meta.Channel, "", order.submission.Person.ID, bot.Reply{Text: text}); err != nil {
		d.log.ErrorContext(ctx, "an operator was not told", "error", err)
	}
}
