package commands

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/onboarding"
)

func (d *Handlers) registerDecisions(router *bot.Router) {
	router.Action(actionApprove, d.approve)
	router.Action(actionReject, d.reject)
	router.Action(actionGlass, d.breakGlass)
	router.Action(actionShow, d.show)
	router.Action(actionPage+"*", d.turn)
	router.View(viewReason, d.reasonGiven)
}

// idOf reads the id that a button carries. What is not one reads as an id that exists nowhere.
func idOf(value string) uuid.UUID {
	id, err := uuid.Parse(value)
	if err != nil {
		return uuid.Nil
	}
	return id
}

func (d *Handlers) approve(ctx context.Context, action bot.Action) error {
	return d.answer(ctx, action, d.decide(ctx, action, true))
}

func (d *Handlers) reject(ctx context.Context, action bot.Action) error {
	return d.answer(ctx, action, d.decide(ctx, action, false))
}

// decide counts the press, or asks for a reason first where one is needed. Whoever may not decide learns it before that.
func (d *Handlers) decide(ctx context.Context, action bot.Action, agrees bool) error {
	if err := d.own(ctx, action.Person); err != nil {
		return err
	}
	approval, err := d.service.MayDecide(ctx, idOf(action.Value), action.Person.ID)
	if err != nil {
		return err
	}
	if agrees && !approval.ReasonNeeded {
		if err := d.service.Approve(ctx, approval.ID, action.Person.ID, ""); err != nil {
			return err
		}
		return d.refreshHome(ctx, action)
	}
	do := toReject
	if agrees {
		do = toApprove
	}
	name, err := d.nameOf(ctx, approval)
	if err == nil {
		_, err = d.workspace.OpenView(ctx, action.TriggerID, reasonForm(name, approval, do))
	}
	return err
}

// nameOf is the step that a question is about, as people know it from the thread.
func (d *Handlers) nameOf(ctx context.Context, approval *onboarding.Approval) (string, error) {
	view, err := d.service.View(ctx, approval.RunID)
	if err != nil {
		return "", err
	}
	return stepName(view, approval.Step), nil
}

// verb is what somebody wants to do with a question, and gives a reason for.
type verb string

const (
	toApprove    verb = "approve"
	toReject     verb = "reject"
	toBreakGlass verb = "break_glass"
)

// reasonMeta travels with the form that asks for a reason.
type reasonMeta struct {
	Approval uuid.UUID `json:"approval"`
	Do       verb      `json:"do"`
}

const blockReason = "reason"

func reasonInput() *slack.PlainTextInputBlockElement {
	reason := slack.NewPlainTextInputBlockElement(blockkit.Plain("For the requester, and for the record", blockkit.MaxPlaceholder), actionInput)
	reason.Multiline, reason.MaxLength = true, onboarding.MaxReason
	return reason
}

func reasonForm(name string, approval *onboarding.Approval, do verb) slack.ModalViewRequest {
	titleText, submit, label, note := "Approve a change", "Approve", "Why?", ""
	switch do {
	case toReject:
		titleText, submit, label = "Reject a change", "Reject", "Why not?"
	case toBreakGlass:
		titleText, submit, label = "Break the glass", "Approve alone", "What is the emergency?"
		note = markAlarm + " This approves the change *without a second operator*. The thread says so under your name, and tells everyone who was skipped."
	}
	meta, err := json.Marshal(reasonMeta{Approval: approval.ID, Do: do})
	if err != nil {
		panic(err) // an id and a word always encode
	}
	reason := reasonInput()
	reason.FocusOnLoad = true
	var page sheet
	page.say(fmt.Sprintf("*%s*\n%s", inline(name), inline(cause(approval.Change.Summary))))
	if note != "" {
		page.say(note)
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewReason, PrivateMetadata: string(meta),
		Title: blockkit.Plain(titleText, blockkit.MaxViewTitle), Submit: blockkit.Plain(submit, blockkit.MaxViewTitle), Close: blockkit.Plain("Back", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: append(page.blocks, slack.NewInputBlock(blockReason, blockkit.Plain(label, blockkit.MaxInputLabel), nil, reason))},
	}
}

// breakGlass asks for the reason that approving alone needs.
func (d *Handlers) breakGlass(ctx context.Context, action bot.Action) error {
	err := d.operator(ctx, action.Person)
	if err == nil && !d.service.GlassAllowed() {
		err = onboarding.ErrNoGlass
	}
	var approval *onboarding.Approval
	if err == nil {
		approval, err = d.service.Approval(ctx, idOf(action.Value))
	}
	var name string
	if err == nil {
		name, err = d.nameOf(ctx, approval)
	}
	if err == nil {
		_, err = d.workspace.OpenView(ctx, action.TriggerID, reasonForm(name, approval, toBreakGlass))
	}
	return d.answer(ctx, action, err)
}

func (d *Handlers) reasonGiven(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta reasonMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("reason: %w", err)
	}
	err := d.own(ctx, submission.Person)
	reason := submission.State[blockReason][actionInput].Value
	switch {
	case err != nil:
	case meta.Do == toApprove:
		err = d.service.Approve(ctx, meta.Approval, submission.Person.ID, reason)
	case meta.Do == toBreakGlass:
		err = d.service.BreakGlass(ctx, meta.Approval, submission.Person.ID, reason)
	default:
		err = d.service.Reject(ctx, meta.Approval, submission.Person.ID, reason)
	}
	switch {
	case errors.Is(err, onboarding.ErrNoReason):
		text, _ := sentence(err)
		return bot.FieldErrors(map[string]string{blockReason: text}), nil
	case err != nil:
		return bot.ReplaceView(notice("Onboarding", d.explain(ctx, err, "approval", meta.Approval.String()))), nil
	}
	return bot.Answer{}, nil
}

// actionPage is where the buttons of a shown change lead: a page of it.
const actionPage = "approval.page."

// show shows all of a change to one person.
func (d *Handlers) show(ctx context.Context, action bot.Action) error {
	view, err := d.changeView(ctx, action, idOf(action.Value), 0)
	open := d.workspace.OpenView
	if action.View != nil && action.View.Type == slack.VTModal {
		open = d.workspace.StackView
	}
	if err == nil {
		_, err = open(ctx, action.TriggerID, view)
	}
	return d.answer(ctx, action, err)
}

// turn shows another page in the same modal.
func (d *Handlers) turn(ctx context.Context, action bot.Action) error {
	page, err := strconv.Atoi(action.ID[len(actionPage):])
	if err != nil || action.View == nil {
		return fmt.Errorf("page %q", action.ID)
	}
	view, err := d.changeView(ctx, action, idOf(action.Value), page)
	if err == nil {
		_, err = d.workspace.UpdateView(ctx, action.View.ID, action.View.Hash, view)
	}
	return d.answer(ctx, action, err)
}

func (d *Handlers) changeView(ctx context.Context, action bot.Action, id uuid.UUID, page int) (slack.ModalViewRequest, error) {
	if err := d.operator(ctx, action.Person); err != nil {
		return slack.ModalViewRequest{}, err
	}
	approval, err := d.service.Approval(ctx, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	name, err := d.nameOf(ctx, approval)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return changePage(name, approval, page), nil
}

// changePage is one page of a whole change, the nearest one if there is none of that number.
func changePage(name string, approval *onboarding.Approval, number int) slack.ModalViewRequest {
	all := pages(partsOf(approval.Change))
	number = max(0, min(number, len(all)-1))
	var page sheet
	page.say(fmt.Sprintf("*%s*\n%s", inline(name), inline(cause(approval.Change.Summary))))
	for _, part := range all[number] {
		page.parts(part)
	}
	page.note(fmt.Sprintf("Digest %s · page %d of %d", blockkit.Code(string(approval.Digest)), number+1, len(all)))
	page.turns(actionPage, approval.ID.String(), number, len(all))
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewChange, Title: blockkit.Plain("The whole change", blockkit.MaxViewTitle), Close: blockkit.Plain("Close", blockkit.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: page.blocks},
	}
}
