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
	"github.com/atlilith/onboardbot/onboarding"
)

func (d *Desk) registerDecisions(router *bot.Router) {
	router.Action(actionApprove, d.approve)
	router.Action(actionReject, d.reject)
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

func (d *Desk) approve(ctx context.Context, action bot.Action) error {
	return d.answer(ctx, action, d.decide(ctx, action, true))
}

func (d *Desk) reject(ctx context.Context, action bot.Action) error {
	return d.answer(ctx, action, d.decide(ctx, action, false))
}

// decide counts the press, or asks for a reason first where one is needed. Whoever may not decide learns it before that.
func (d *Desk) decide(ctx context.Context, action bot.Action, agrees bool) error {
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
	_, err = d.workspace.OpenView(ctx, action.TriggerID, reasonForm(approval, agrees))
	return err
}

// reasonMeta travels with the form that asks for a reason.
type reasonMeta struct {
	Approval uuid.UUID `json:"approval"`
	Agrees   bool      `json:"agrees"`
}

const blockReason = "reason"

func reasonForm(approval *onboarding.Approval, agrees bool) slack.ModalViewRequest {
	titleText, submit, label := "Reject a change", "Reject", "Why not?"
	if agrees {
		titleText, submit, label = "Approve a change", "Approve", "Why?"
	}
	meta, err := json.Marshal(reasonMeta{Approval: approval.ID, Agrees: agrees})
	if err != nil {
		panic(err) // an id and a bool always encode
	}
	reason := slack.NewPlainTextInputBlockElement(bot.Plain("For the requester, and for the record", bot.MaxPlaceholder), actionInput)
	reason.Multiline, reason.MaxLength, reason.FocusOnLoad = true, onboarding.MaxReason, true
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewReason, PrivateMetadata: string(meta),
		Title: bot.Plain(titleText, bot.MaxViewTitle), Submit: bot.Plain(submit, bot.MaxViewTitle), Close: bot.Plain("Back", bot.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: []slack.Block{
			bot.Section(fmt.Sprintf("*%s*\n%s", inline(string(approval.Step)), inline(cause(approval.Change.Summary)))),
			slack.NewInputBlock(blockReason, bot.Plain(label, bot.MaxInputLabel), nil, reason),
		}},
	}
}

func (d *Desk) reasonGiven(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta reasonMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("reason: %w", err)
	}
	err := d.own(ctx, submission.Person)
	reason := submission.State[blockReason][actionInput].Value
	switch {
	case err != nil:
	case meta.Agrees:
		err = d.service.Approve(ctx, meta.Approval, submission.Person.ID, reason)
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
func (d *Desk) show(ctx context.Context, action bot.Action) error {
	view, err := d.changeView(ctx, action, idOf(action.Value), 0)
	if err == nil {
		_, err = d.workspace.OpenView(ctx, action.TriggerID, view)
	}
	return d.answer(ctx, action, err)
}

// turn shows another page in the same modal.
func (d *Desk) turn(ctx context.Context, action bot.Action) error {
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

func (d *Desk) changeView(ctx context.Context, action bot.Action, id uuid.UUID, page int) (slack.ModalViewRequest, error) {
	if err := d.operator(ctx, action.Person); err != nil {
		return slack.ModalViewRequest{}, err
	}
	approval, err := d.service.Approval(ctx, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return changePage(approval, page), nil
}

// changePage is one page of a whole change, the nearest one if there is none of that number.
func changePage(approval *onboarding.Approval, number int) slack.ModalViewRequest {
	all := pages(partsOf(approval.Change))
	number = max(0, min(number, len(all)-1))
	var page sheet
	page.say(fmt.Sprintf("*%s*\n%s", inline(string(approval.Step)), inline(cause(approval.Change.Summary))))
	for _, part := range all[number] {
		page.parts(part)
	}
	page.note(fmt.Sprintf("Digest %s · page %d of %d", bot.Code(string(approval.Digest)), number+1, len(all)))
	var turns []*slack.ButtonBlockElement
	turnTo := func(to int, label string) {
		turns = append(turns, bot.Button(actionPage+strconv.Itoa(to), approval.ID.String(), label, ""))
	}
	if number > 0 {
		turnTo(number-1, "← Page "+strconv.Itoa(number))
	}
	if number < len(all)-1 {
		turnTo(number+1, "Page "+strconv.Itoa(number+2)+" →")
	}
	if len(turns) > 0 {
		page.buttons("pages", turns...)
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: viewChange, Title: bot.Plain("The whole change", bot.MaxViewTitle), Close: bot.Plain("Close", bot.MaxViewTitle),
		Blocks: slack.Blocks{BlockSet: page.blocks},
	}
}
