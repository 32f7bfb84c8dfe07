package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

// controlHandlers retries, checks and cancels runs, and freezes and thaws all of them.
type controlHandlers struct {
	service  *service.Service
	replies  *responder
	messages *messenger
	home     *home.Tabs
	origins  *provenance
	command  string
}

// cancelBlock begins the block_id of the buttons of the private question whether to cancel a run.
const cancelBlock = "cancel/"

// requirePressed returns an error unless an operator pressed a button about a run in what the bot
// delivered.
func (h *controlHandlers) requirePressed(ctx context.Context, action bot.Action) error {
	_, err := h.origins.accept(ctx, action, subject{run: parseID(action.Value)})
	return err
}

// pressedStep returns the run and the step that a button in a thread is about.
func (h *controlHandlers) pressedStep(
	ctx context.Context, action bot.Action,
) (*onboarding.Run, onboarding.Key, error) {
	if err := h.requirePressed(ctx, action); err != nil {
		return nil, "", err
	}
	run, step, err := stepOf(ctx, h.service, action)
	if err != nil {
		return nil, "", err
	}
	return run, step.Key, nil
}

// stepOf reads the run and the step that a button in a thread names.
func stepOf(
	ctx context.Context, service *service.Service, action bot.Action,
) (*onboarding.Run, *onboarding.Step, error) {
	view, err := service.Records.View(ctx, parseID(action.Value))
	if err != nil {
		return nil, nil, err
	}
	step := render.StepAt(view.Run, action.Block)
	if step == nil {
		return nil, nil, onboarding.ErrNotFound
	}
	return view.Run, step, nil
}

func (h *controlHandlers) retry(ctx context.Context, action bot.Action) error {
	run, key, err := h.pressedStep(ctx, action)
	if err == nil {
		err = h.service.Retry(ctx, run.ID, key, action.Person.ID)
	}
	return h.replies.answer(ctx, action, err)
}

// retryAll retries every stuck step of a run.
func (h *controlHandlers) retryAll(ctx context.Context, action bot.Action) error {
	err := h.requirePressed(ctx, action)
	if err == nil {
		_, err = h.service.RetryAll(ctx, parseID(action.Value), action.Person.ID)
	}
	return h.replies.answer(ctx, action, err)
}

// retryCommand retries every stuck step of a run, for somebody who typed it.
func (h *controlHandlers) retryCommand(ctx context.Context, person bot.Person, run *onboarding.Run) post.Reply {
	count, err := h.service.RetryAll(ctx, run.ID, person.ID)
	if err != nil {
		return h.replies.failure(ctx, err, "run", run.ID.String())
	}
	if count == 1 {
		return post.Reply{Text: fmt.Sprintf("Retrying one step%s.", h.messages.link(ctx, run))}
	}
	return post.Reply{Text: fmt.Sprintf("Retrying %d steps%s.", count, h.messages.link(ctx, run))}
}

func (h *controlHandlers) checkNow(ctx context.Context, action bot.Action) error {
	run, key, err := h.pressedStep(ctx, action)
	if err == nil {
		err = h.service.CheckNow(ctx, run.ID, key, action.Person.ID)
	}
	return h.replies.answer(ctx, action, err)
}

// askCancel asks whether to cancel a run.
func (h *controlHandlers) askCancel(ctx context.Context, command bot.Command, run *onboarding.Run) post.Reply {
	block := cancelBlock + command.Envelope
	if err := h.origins.ask(ctx, command.Person, block, run.ID.String()); err != nil {
		return h.replies.failure(ctx, err, "run", run.ID.String())
	}
	return render.CancelPage(run, h.messages.link(ctx, run), block).Reply()
}

// cancel ends a run, from its thread or from the private question that the command asks.
func (h *controlHandlers) cancel(ctx context.Context, action bot.Action) error {
	err := h.requirePressed(ctx, action)
	if err == nil {
		err = h.service.Cancel(ctx, parseID(action.Value), action.Person.ID)
	}
	if !action.Ephemeral {
		return h.replies.answer(ctx, action, err)
	}
	text := mrkdwn.MarkCancelled + " The run was cancelled."
	if err != nil {
		text = h.replies.explain(ctx, err, "run", action.Value)
	}
	return h.replies.replace(ctx, action, text)
}

func (h *controlHandlers) keep(ctx context.Context, action bot.Action) error {
	return h.replies.replace(ctx, action, "The run continues.")
}

// freeze stops every change of all runs, and says so to the channel.
func (h *controlHandlers) freeze(ctx context.Context, person bot.Person, reason string) post.Reply {
	err := h.service.Freeze(ctx, person.ID, reason)
	if err != nil && !errors.Is(err, onboarding.ErrFrozen) {
		return h.replies.failure(ctx, err, "person", person.ID)
	}
	freeze, failure := h.service.Records.Frozen(ctx)
	switch {
	case failure != nil || freeze == nil:
		return h.replies.failure(ctx, cmp.Or(failure, onboarding.ErrNotFrozen), "person", person.ID)
	case err != nil:
		return post.Reply{Text: schedule.AlreadyFrozen(freeze)}
	}
	h.refreshHome(ctx)
	return post.Reply{InChannel: true,
		Text: fmt.Sprintf("%s\nEvery run stops before its next change. Changes in progress finish. "+
			"%s ends the freeze.",
			schedule.FreezeNotice(freeze), blockkit.Code(h.command+" "+render.WordThaw))}
}

func (h *controlHandlers) thaw(ctx context.Context, person bot.Person) post.Reply {
	if err := h.service.Thaw(ctx, person.ID); err != nil {
		return h.replies.failure(ctx, err, "person", person.ID)
	}
	h.refreshHome(ctx)
	return post.Reply{InChannel: true, Text: fmt.Sprintf("%s Thawed by %s. Approved changes continue.",
		mrkdwn.MarkDone, blockkit.User(person.ID))}
}

// refreshHome updates the Home tabs after a change that is about no run: changes of runs have
// jobs for that.
func (h *controlHandlers) refreshHome(ctx context.Context) {
	h.replies.goLate(ctx, func(ctx context.Context) {
		if _, err := h.home.RefreshViewers(ctx); err != nil {
			h.replies.log.WarnContext(ctx, "a Home tab was not updated", "error", err)
		}
	})
}
