package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/form"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

func (d *Handlers) registerForm(router *bot.Router) {
	for _, action := range []string{form.ActionMode, form.ActionHost, form.ActionMail} {
		router.Action(action, d.reshape)
	}
	router.Action(form.ActionInput, d.typed)
	router.Action(form.ActionOrg, d.typed)
	router.Action(form.ActionStart, d.startOffered)
	router.Action(form.ActionChange, d.changeOffered)
	router.Action(form.ActionDiscard, d.discard)
	router.Options(form.ActionOrg, d.orgs)
	router.View(form.ViewForm, d.submitted)
}

// start asks for what is missing about a slug, which may be empty, unless that one is being onboarded already.
func (d *Handlers) start(ctx context.Context, command bot.Command, read parsedCommand) bot.Reply {
	if read.slug != "" {
		run, err := d.service.Records.Latest(ctx, read.slug)
		switch {
		case err == nil && run.State == onboarding.RunActive:
			return bot.Reply{Text: fmt.Sprintf("%s is being onboarded already%s. %s shows where it stands.",
				blockkit.Code(read.slug), d.link(ctx, run), blockkit.Code(d.config.Command+" "+render.WordStatus+" "+read.slug))}
		case err != nil && !errors.Is(err, onboarding.ErrNotFound):
			return bot.Reply{Text: d.explain(ctx, err, "slug", read.slug)}
		}
	}
	return d.gather(ctx, command, read, false)
}

// gather puts together what was typed before and what is typed now. Where that is all, there is one confirmation; otherwise the
// form asks for the rest, and says what is wrong at its place.
func (d *Handlers) gather(ctx context.Context, command bot.Command, read parsedCommand, plan bool) bot.Reply {
	content, whose, err := d.resume(ctx, command.Person, read.slug)
	if err != nil {
		return bot.Reply{Text: d.explain(ctx, err, "slug", read.slug)}
	}
	meta := form.Meta{Channel: command.Channel, Plan: plan, Slug: read.slug, Resumed: content != nil}
	typed := form.NewDraft(read.slug)
	if content != nil {
		typed = content.Draft
	}
	if len(read.inputs.Values) == 0 && !read.unread {
		return d.openForm(ctx, command, form.View(meta, typed, d.config.Hosts, nil, read.hint, whose))
	}
	typed = typed.With(read.inputs)
	if typed.Mode != onboarding.ModeOwner && !form.BrandTyped(read.inputs) {
		// What another mode would show waits in vain: nobody asked for it now.
		typed.Copy, typed.Palette, typed.Logo = "", "", ""
	}
	typed.Slug = cmp.Or(read.slug, read.inputs.Slug)
	problems := d.check(ctx, typed)
	if len(problems) == 0 && !read.unread && plan {
		return d.planReply(ctx, command.Person, typed, command.Envelope)
	}
	if len(problems) == 0 && !read.unread {
		return d.makeOffer(ctx, command.Person, read.slug, typed, read.hint, whose)
	}
	if !plan {
		d.saveNow(ctx, command.Person, read.slug, typed)
	}
	return d.openForm(ctx, command, form.View(meta, typed, d.config.Hosts, typed.OnlyGiven(problems), read.hint, whose))
}

func (d *Handlers) openForm(ctx context.Context, command bot.Command, view slack.ModalViewRequest) bot.Reply {
	if _, err := d.workspace.OpenView(ctx, command.TriggerID, view); err != nil {
		d.log.ErrorContext(ctx, "the form could not be opened", "error", err)
		return bot.Reply{Text: "Slack did not let me open the form in time. Please type it again."}
	}
	return bot.Reply{}
}

// reshape lets the form ask for what a choice needs.
func (d *Handlers) reshape(ctx context.Context, action bot.Action) error {
	if action.View == nil {
		return errors.New("a choice of the form was made outside of it")
	}
	meta, err := form.DecodeMeta(action.View.PrivateMetadata)
	if err != nil {
		return err
	}
	content := form.ReadDraft(meta, action.State)
	// What the form is about to show may have been typed before; anything else can wait until it stands.
	more := content.Mode != onboarding.ModePerson || content.Host == form.PerDomain || content.Mail != ""
	if more {
		if content, err = d.filledIn(ctx, action, meta); err != nil {
			return err
		}
	}
	if action.ID == form.ActionMode {
		content = content.SuggestOrg()
	}
	// The hash keeps a slow answer to an earlier choice from replacing the answer to a later one.
	if _, err = d.workspace.UpdateView(ctx, action.View.ID, action.View.Hash, form.View(meta, content, d.config.Hosts, nil)); err != nil {
		return err
	}
	if !more {
		if content, err = d.filledIn(ctx, action, meta); err != nil {
			return err
		}
	}
	return d.keepTyped(ctx, action, meta, content)
}

// orgs offers the platform's Orgs that match what was typed.
func (d *Handlers) orgs(ctx context.Context, suggestion bot.Suggestion) ([]*slack.OptionBlockObject, error) {
	if err := d.requireOperator(ctx, suggestion.Person); err != nil {
		return nil, err
	}
	orgs, err := d.service.Platform.Orgs(ctx, suggestion.Typed, blockkit.MaxSelectOptions)
	if err != nil {
		return nil, fmt.Errorf("orgs: %w", err)
	}
	return form.OrgOptions(orgs), nil
}

// submitted begins a run, or plans one. The view's id is the submission: one form begins one run, however often it is sent.
func (d *Handlers) submitted(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	meta, err := form.DecodeMeta(submission.Metadata)
	if err != nil {
		return bot.Answer{}, err
	}
	if !d.config.allows(meta.Channel) {
		return bot.ReplaceView(mrkdwn.Notice("Onboarding", d.elsewhere())), nil
	}
	typed := form.ReadDraft(meta, submission.State)
	order := formSubmission{meta: meta, draft: typed, submission: submission}
	err, inTime := replyWithin(ctx, d, func(ctx context.Context) error { return d.carryOut(ctx, &order) },
		func(ctx context.Context, err error) { d.answerLate(ctx, order, err) })
	if !inTime {
		return bot.ReplaceView(mrkdwn.Notice("Onboarding", mrkdwn.MarkBusy+" Checking what you sent. This takes a little longer than usual.")), nil
	}
	if err == nil {
		return bot.Answer{}, nil
	}
	if problems, ok := d.wrong(typed, err); ok {
		return bot.FieldErrors(problems), nil
	}
	if text, expected := render.ErrorText(err); expected {
		return bot.ReplaceView(mrkdwn.Notice("Onboarding", text)), nil
	}
	// What was typed stays where it is, for another try.
	return bot.FieldErrors(map[string]string{form.BlockDomains: d.explain(ctx, err, "slug", typed.Slug)}), nil
}

// formSubmission is a form that was sent.
type formSubmission struct {
	meta       form.Meta
	draft      form.Draft
	submission bot.Submission
}

// carryOut does what a form asks for. What cannot stand is kept, to be mended now or later.
func (d *Handlers) carryOut(ctx context.Context, order *formSubmission) error {
	person := order.submission.Person
	if err := d.requireOperator(ctx, person); err != nil {
		return err
	}
	logo, err := d.logo(ctx, order.draft, order.submission.State)
	if slips, ok := errors.AsType[form.FieldErrors](err); ok {
		for block, problem := range d.check(ctx, order.draft) {
			slips.Add(block, problem)
		}
	}
	if err == nil {
		order.draft.Logo = logo
		if order.meta.Plan {
			return d.showPlan(ctx, order)
		}
		err = d.begin(ctx, person, order.meta, order.draft, order.submission.View.ID)
	}
	if err != nil && !order.meta.Plan {
		d.saveNow(ctx, person, order.meta.Slug, order.draft)
	}
	return err
}

// begin begins a run for a draft and forgets that. The submission makes one that is sent twice begin one run.
func (d *Handlers) begin(ctx context.Context, person bot.Person, meta form.Meta, content form.Draft, submission string) error {
	if err := d.requireSameTeam(ctx, person); err != nil {
		return err
	}
	if !d.config.allows(meta.Channel) {
		return userError(d.elsewhere())
	}
	request, problems := content.Request(d.config.Hosts)
	if len(problems) > 0 {
		return d.checked(ctx, request, content, problems)
	}
	if _, err := d.service.Begin(ctx, request, service.Asked{Operator: person.ID, Channel: meta.Channel, Submission: submission}); err != nil {
		return err
	}
	d.forget(ctx, meta.Slug, content.Slug)
	return nil
}

// checked adds what is wrong with the rest of a request to what is wrong with its draft, so that all is said at once.
func (d *Handlers) checked(ctx context.Context, request onboarding.Request, content form.Draft, problems form.FieldErrors) error {
	err := d.service.Check(ctx, request)
	found, ok := errors.AsType[onboarding.Problems](err)
	if err != nil && !ok {
		return err
	}
	for block, text := range content.AtBlocks(found, d.config.Hosts) {
		problems.Add(block, text)
	}
	return problems
}

// wrong says what an error finds wrong with a draft, at its blocks; false for errors of another kind.
func (d *Handlers) wrong(content form.Draft, err error) (form.FieldErrors, bool) {
	if slips, ok := errors.AsType[form.FieldErrors](err); ok {
		return slips, true
	}
	problems, ok := errors.AsType[onboarding.Problems](err)
	return content.AtBlocks(problems, d.config.Hosts), ok
}

// answerLate puts the outcome where the form was, with everything that was typed if something has to be mended.
func (d *Handlers) answerLate(ctx context.Context, order formSubmission, err error) {
	view := mrkdwn.Notice("Onboarding", fmt.Sprintf("%s The onboarding of %s has begun: see %s.", mrkdwn.MarkDone, blockkit.Code(order.draft.Slug), blockkit.Channel(order.meta.Channel)))
	if err == nil && order.meta.Plan {
		view = mrkdwn.Notice("Onboarding", mrkdwn.MarkDone+" The plan is in "+blockkit.Channel(order.meta.Channel)+", where only you see it.")
	}
	text := ""
	if err != nil {
		text = d.explain(ctx, err, "slug", order.draft.Slug)
		problems, _ := d.wrong(order.draft, err)
		view = form.View(order.meta, order.draft, d.config.Hosts, problems, mrkdwn.MarkFailed+" "+text)
	}
	if _, failure := d.workspace.UpdateView(ctx, order.submission.View.ID, "", view); failure == nil || text == "" {
		return
	}
	// They closed it meanwhile.
	if err := d.workspace.Ephemeral(ctx, bot.Recipient{Channel: order.meta.Channel, User: order.submission.Person.ID}, bot.Reply{Text: text}); err != nil {
		d.log.ErrorContext(ctx, "an operator was not told", "error", err)
	}
}
