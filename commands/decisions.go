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
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

func (d *Handlers) registerDecisions(router *bot.Router) {
	router.Action(render.ActionApprove, d.approve)
	router.Action(render.ActionReject, d.reject)
	router.Action(render.ActionGlass, d.breakGlass)
	router.Action(render.ActionShow, d.show)
	router.Action(render.ActionPage+"*", d.turn)
	router.View(render.ViewReason, d.reasonGiven)
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
	if err := d.requireSameTeam(ctx, action.Person); err != nil {
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
	do := render.Rejecting
	if agrees {
		do = render.Approving
	}
	name, err := d.nameOf(ctx, approval)
	if err == nil {
		_, err = d.workspace.OpenView(ctx, action.TriggerID, render.ReasonForm(name, approval, do))
	}
	return err
}

// nameOf is the step that a question is about, as people know it from the thread.
func (d *Handlers) nameOf(ctx context.Context, approval *onboarding.Approval) (string, error) {
	view, err := d.service.Records.View(ctx, approval.RunID)
	if err != nil {
		return "", err
	}
	return render.StepName(view, approval.Step), nil
}

// breakGlass asks for the reason that approving alone needs.
func (d *Handlers) breakGlass(ctx context.Context, action bot.Action) error {
	err := d.requireOperator(ctx, action.Person)
	if err == nil && !d.service.GlassAllowed() {
		err = onboarding.ErrNoGlass
	}
	var approval *onboarding.Approval
	if err == nil {
		approval, err = d.service.Records.Approval(ctx, idOf(action.Value))
	}
	var name string
	if err == nil {
		name, err = d.nameOf(ctx, approval)
	}
	if err == nil {
		_, err = d.workspace.OpenView(ctx, action.TriggerID, render.ReasonForm(name, approval, render.BreakingGlass))
	}
	return d.answer(ctx, action, err)
}

func (d *Handlers) reasonGiven(ctx context.Context, submission bot.Submission) (bot.Answer, error) {
	var meta render.ReasonMeta
	if err := json.Unmarshal([]byte(submission.Metadata), &meta); err != nil {
		return bot.Answer{}, fmt.Errorf("reason: %w", err)
	}
	err := d.requireSameTeam(ctx, submission.Person)
	reason := submission.State[render.BlockReason][render.ActionReason].Value
	switch {
	case err != nil:
	case meta.Do == render.Approving:
		err = d.service.Approve(ctx, meta.Approval, submission.Person.ID, reason)
	case meta.Do == render.BreakingGlass:
		err = d.service.BreakGlass(ctx, meta.Approval, submission.Person.ID, reason)
	default:
		err = d.service.Reject(ctx, meta.Approval, submission.Person.ID, reason)
	}
	switch {
	case errors.Is(err, onboarding.ErrNoReason):
		text, _ := render.ErrorText(err)
		return bot.FieldErrors(map[string]string{render.BlockReason: text}), nil
	case err != nil:
		return bot.ReplaceView(mrkdwn.Notice("Onboarding", d.explain(ctx, err, "approval", meta.Approval.String()))), nil
	}
	return bot.Answer{}, nil
}

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
	page, err := strconv.Atoi(action.ID[len(render.ActionPage):])
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
	if err := d.requireOperator(ctx, action.Person); err != nil {
		return slack.ModalViewRequest{}, err
	}
	approval, err := d.service.Records.Approval(ctx, id)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	name, err := d.nameOf(ctx, approval)
	if err != nil {
		return slack.ModalViewRequest{}, err
	}
	return render.ChangePage(name, approval, page), nil
}
