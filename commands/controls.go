package commands

import (
	"context"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
)

func (d *Handlers) registerSteering(router *bot.Router) {
	router.Action(render.ActionRetry, d.retry)
	router.Action(render.ActionAgain, d.retryAll)
	router.Action(render.ActionCheck, d.checkNow)
	router.Action(render.ActionCancel, d.cancel)
	router.Action(render.ActionKeep, d.keep)
	router.Action(render.ActionUndo, d.undoPressed)
	router.Action(render.ActionUndoAll, d.undoPressed)
	router.Action(render.ActionLeave, d.leave)
}

// stepPressed returns the run and the step that a button in a thread is about.
func (d *Handlers) stepPressed(ctx context.Context, action bot.Action) (*onboarding.Run, onboarding.Key, error) {
	if err := d.requireOperator(ctx, action.Person); err != nil {
		return nil, "", err
	}
	view, err := d.service.Records.View(ctx, idOf(action.Value))
	if err != nil {
		return nil, "", err
	}
	step := render.StepAt(view.Run, action.Block)
	if step == nil {
		return nil, "", onboarding.ErrNotFound
	}
	return view.Run, step.Key, nil
}

func (d *Handlers) retry(ctx context.Context, action bot.Action) error {
	run, key, err := d.stepPressed(ctx, action)
	if err == nil {
		err = d.service.Retry(ctx, run.ID, key, action.Person.ID)
	}
	return d.answer(ctx, action, err)
}

// retryAll lets everything that is stuck in a run look again.
func (d *Handlers) retryAll(ctx context.Context, action bot.Action) error {
	err := d.requireOperator(ctx, action.Person)
	if err == nil {
		_, err = d.service.RetryAll(ctx, idOf(action.Value), action.Person.ID)
	}
	return d.answer(ctx, action, err)
}

func (d *Handlers) checkNow(ctx context.Context, action bot.Action) error {
	run, key, err := d.stepPressed(ctx, action)
	if err == nil {
		err = d.service.CheckNow(ctx, run.ID, key, action.Person.ID)
	}
	return d.answer(ctx, action, err)
}

// cancel ends a run, from its thread or from the private question that the command asks.
func (d *Handlers) cancel(ctx context.Context, action bot.Action) error {
	err := d.requireSameTeam(ctx, action.Person)
	if err == nil {
		err = d.service.Cancel(ctx, idOf(action.Value), action.Person.ID)
	}
	if !action.Ephemeral {
		return d.answer(ctx, action, err)
	}
	text := mrkdwn.MarkCancelled + " The run is cancelled."
	if err != nil {
		text = d.explain(ctx, err, "run", action.Value)
	}
	return d.replace(ctx, action, text)
}

func (d *Handlers) keep(ctx context.Context, action bot.Action) error {
	return d.replace(ctx, action, "The run goes on.")
}
