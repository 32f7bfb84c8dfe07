package commands

import (
	"context"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/onboarding"
)

func (d *Handlers) registerSteering(router *bot.Router) {
	router.Action(actionRetry, d.retry)
	router.Action(actionAgain, d.retryAll)
	router.Action(actionCheck, d.checkNow)
	router.Action(actionCancel, d.cancel)
	router.Action(actionKeep, d.keep)
	router.Action(actionUndo, d.undoPressed)
	router.Action(actionUndoAll, d.undoPressed)
	router.Action(actionLeave, d.leave)
}

// stepPressed returns the run and the step that a button in a thread is about.
func (d *Handlers) stepPressed(ctx context.Context, action bot.Action) (*onboarding.Run, onboarding.Key, error) {
	if err := d.operator(ctx, action.Person); err != nil {
		return nil, "", err
	}
	view, err := d.service.View(ctx, idOf(action.Value))
	if err != nil {
		return nil, "", err
	}
	step := stepAt(view.Run, action.Block)
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
	err := d.operator(ctx, action.Person)
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
	err := d.own(ctx, action.Person)
	if err == nil {
		err = d.service.Cancel(ctx, idOf(action.Value), action.Person.ID)
	}
	if !action.Ephemeral {
		return d.answer(ctx, action, err)
	}
	text := markCancelled + " The run is cancelled."
	if err != nil {
		text = d.explain(ctx, err, "run", action.Value)
	}
	return d.replace(ctx, action, text)
}

func (d *Handlers) keep(ctx context.Context, action bot.Action) error {
	return d.replace(ctx, action, "The run goes on.")
}

// replace puts a sentence in the place of a private message that was pressed in.
func (d *Handlers) replace(ctx context.Context, action bot.Action, mrkdwn string) error {
	return d.workspace.Respond(ctx, action.ResponseURL, bot.Response{Reply: bot.Reply{Text: mrkdwn}, Replace: true})
}
