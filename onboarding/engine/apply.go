package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// cleanupTimeout is how long an item that always runs may take after another one failed, also
	// while the bot is shutting down.
	cleanupTimeout = 30 * time.Second
	// effectPause is how long the engine waits between two observations of a change that does not
	// show its effect yet.
	effectPause = 100 * time.Millisecond
)

// apply applies the approved change, or what is left of it, and observes whether it took effect.
// An approval is for one application: whether it succeeds or fails, the next one asks again.
func (d *driver) apply(ctx context.Context, w *work, change onboarding.Change) error {
	application := &application{run: w.run, step: w.step.Key, approval: w.approval, items: change.Items,
		interrupted: d.gate.interrupted(w), output: newRecorder(),
		attempt: &onboarding.Attempt{ID: uuid.New(), RunID: w.run.ID, Step: w.step.Key, Approval: w.approval.ID,
			Outcome: onboarding.OutcomeRunning}}
	application.show = func() { d.showProgress(ctx, application, maxProgress) }
	if err := d.gate.admit(ctx, application); err != nil {
		return d.notAdmitted(ctx, w, err)
	}
	attempt := application.attempt
	attempt.Signature = d.gate.signer.SignValues(attempt.Signed(w.approval)...)
	if begun, err := d.beginAttempt(ctx, w, attempt); err != nil || !begun {
		return err
	}
	began := time.Now()
	if digest, err := change.Digest(); err == nil && digest != w.approval.Digest {
		application.output.Line("Continuing with the rest of the approved change.")
	}
	err := d.applyItems(ctx, application)
	w.release() // nothing is changed any more, so other runs need not wait until the effect shows
	var observation onboarding.Observation
	if err == nil {
		observation, err = d.awaitEffect(ctx, w)
	}
	if ctxErr := shutdown(ctx, err); ctxErr != nil {
		d.showProgress(ctx, application, maxOutput)
		return ctxErr
	}
	refusal, refused := errors.AsType[*RefusedError](err)
	if refused && refusal.Line == LineHolder {
		return err // whoever holds the run now finds the attempt interrupted
	}
	if errors.Is(err, onboarding.ErrLost) {
		return d.lose(ctx, w, application, err)
	}
	if err := d.finishAttempt(ctx, application, err); err != nil {
		return err
	}
	switch {
	case refused:
		return d.refuse(ctx, w, refusal, err)
	case err != nil:
		return d.fail(ctx, w, err)
	case observation.Waiting != "":
		return d.waitFor(ctx, w, observation)
	}
	return d.done(ctx, w, observation, time.Since(began))
}

// notAdmitted leaves a step whose application the gate did not let begin. While the directory does
// not answer, the step stays as it is and says why, and the job tries again.
func (d *driver) notAdmitted(ctx context.Context, w *work, err error) error {
	refusal, refused := errors.AsType[*RefusedError](err)
	switch {
	case shutdown(ctx, err) != nil || !refused || refusal.Line == LineHolder:
		return err
	case refusal.Line != LineDirectory:
		return d.refuse(ctx, w, refusal, err)
	}
	d.engine.log.WarnContext(ctx, "a change waits until its approvers can be looked up", "run", w.run.ID,
		"step", w.step.Key, "error", err)
	if detail := "Not applied yet: " + err.Error(); w.step.Detail != detail {
		w.step.Detail = detail
		if failed := d.save(ctx, w, nil); failed != nil {
			return failed
		}
	}
	return err
}

// beginAttempt records that the step is being applied, unless the run ended meanwhile.
func (d *driver) beginAttempt(ctx context.Context, w *work, attempt *onboarding.Attempt) (begun bool, err error) {
	w.step.State, w.step.Detail = onboarding.StepApplying, ""
	err = d.save(ctx, w, func(tx Tx) error {
		begun = true
		if err := tx.InsertAttempt(ctx, attempt); err != nil {
			return err
		}
		return tx.AddEvent(ctx, w.event(onboarding.EventApplying))
	})
	return begun, err
}

// finishAttempt records how an application ended and what it printed.
func (d *driver) finishAttempt(ctx context.Context, a *application, cause error) error {
	a.attempt.Outcome = onboarding.OutcomeDone
	if cause != nil {
		a.attempt.Outcome, a.attempt.Error = onboarding.OutcomeFailed, cause.Error()
	}
	a.attempt.Tail, a.attempt.Lines = a.output.last()
	return d.db().FinishAttempt(ctx, a.attempt, a.output.all())
}

// applyItems applies the items of an application in their order. After the first that fails it
// goes on only with commands that always run, also when the bot is shutting down.
func (d *driver) applyItems(ctx context.Context, a *application) error {
	timed, cancel := context.WithTimeout(ctx, d.engine.policy.StepTimeout)
	defer cancel()
	var failed error
	for ; a.next < len(a.items); a.next++ {
		command := a.items[a.next].Command
		switch {
		case failed == nil:
			failed = d.gate.apply(timed, a)
		case command != nil && command.Always:
			cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
			failed = errors.Join(failed, d.gate.apply(cleanup, a))
			cancel()
		}
	}
	return failed
}

// maxLosses is how many applications under one approval may be interrupted before a person decides
// whether to go on.
const maxLosses = 3

// lose records that contact was lost with what the step began, which may still run. The step stays
// interrupted: it waits until that has ended, observes, and goes on under the same approval.
func (d *driver) lose(ctx context.Context, w *work, a *application, cause error) error {
	before, err := d.db().Interruptions(ctx, w.approval.ID)
	if err != nil {
		return err
	}
	d.engine.log.WarnContext(ctx, "lost contact with a host while a step was applied", "run", w.run.ID,
		"step", w.step.Key, "error", cause)
	a.attempt.Outcome, a.attempt.Error = onboarding.OutcomeInterrupted, cause.Error()
	a.attempt.Tail, a.attempt.Lines = a.output.last()
	w.step.Detail = "It may still run: " + cause.Error()
	event := w.event(onboarding.EventInterrupted)
	if len(before)+1 >= maxLosses {
		w.step.State, event.Kind = onboarding.StepUnknown, onboarding.EventUnknown
	}
	event.Text = w.step.Detail
	return d.save(ctx, w, func(tx Tx) error {
		if err := tx.FinishAttempt(ctx, a.attempt, a.output.all()); err != nil {
			return err
		}
		return tx.AddEvent(ctx, event)
	})
}

// showProgress writes what an attempt has printed so far: people read the last lines, and all of
// it stays if the attempt is cut short. Nothing depends on it.
func (d *driver) showProgress(ctx context.Context, a *application, limit int) {
	// A statement that is cancelled breaks the session.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), progressTimeout)
	defer cancel()
	a.attempt.Tail, a.attempt.Lines = a.output.last()
	err := d.db().ChangeRun(ctx, a.attempt.RunID, func(tx Tx, _ *onboarding.Run) error {
		return tx.SaveProgress(ctx, a.attempt, a.output.upTo(limit))
	})
	if err != nil {
		d.engine.log.WarnContext(ctx, "progress could not be shown", "run", a.attempt.RunID, "error", err)
	}
}

// awaitEffect observes the step until nothing is left to do, for as long as effects may take to
// show.
func (d *driver) awaitEffect(ctx context.Context, w *work) (onboarding.Observation, error) {
	deadline := time.Now().Add(d.engine.policy.Settle)
	early := d.observer.observeEarly(ctx, w.run, w.step.Key)
	for {
		seen, err := d.observe(ctx, &work{run: w.run, step: w.step})
		if err != nil {
			discard(early)
			return onboarding.Observation{}, err
		}
		observation, err := d.saveFacts(ctx, w.run, seen)
		finding, failed := observation.Failure()
		switch {
		case err != nil:
		case failed && observation.Change.Empty():
			err = fmt.Errorf("%s: %s", finding.Name, finding.Detail)
		case observation.Change.Empty():
			if observation.Waiting != "" {
				discard(early)
			}
			return observation, nil
		default:
			err = fmt.Errorf("the change was applied, but this is still left to do: %s", observation.Change.Summary)
		}
		discard(early)
		if time.Now().After(deadline) {
			return onboarding.Observation{}, err
		}
		select {
		case <-ctx.Done():
			return onboarding.Observation{}, errors.Join(err, ctx.Err())
		case <-time.After(effectPause):
		}
	}
}

// fail leaves a step whose application failed where a person retries it.
func (d *driver) fail(ctx context.Context, w *work, cause error) error {
	w.step.State, w.step.Detail = onboarding.StepFailed, cause.Error()
	event := w.event(onboarding.EventFailed)
	event.Text = cause.Error()
	d.engine.log.WarnContext(ctx, "step failed", "run", w.run.ID, "step", w.step.Key, "error", cause)
	return d.save(ctx, w, func(tx Tx) error {
		if err := useApproval(ctx, tx, w.approval); err != nil {
			return err
		}
		return tx.AddEvent(ctx, event)
	})
}

// refuse leaves a step whose item the gate refused in a state from which it can go on: on its own
// when the freeze ends or the window opens, with a new approval request if the approval does not
// count any more, and otherwise when a person retries it.
func (d *driver) refuse(ctx context.Context, w *work, refusal *RefusedError, cause error) error {
	event := w.event(onboarding.EventFailed)
	event.Text = cause.Error()
	d.engine.log.WarnContext(ctx, "the gate refused to apply a change", "run", w.run.ID, "step", w.step.Key,
		"line", refusal.Line, "error", cause)
	return d.db().ChangeRun(ctx, w.run.ID, func(tx Tx, fresh *onboarding.Run) error {
		invalid := refusal.Line == LineApproval || refusal.Line == LineVotes
		if invalid && fresh.State == onboarding.RunActive {
			return revoke(ctx, tx, w.step, event)
		}
		if err := tx.AddEvent(ctx, event); err != nil || fresh.State != onboarding.RunActive {
			return err
		}
		if refusal.Line == LineFreeze || refusal.Line == LineWindow {
			w.step.State, w.step.Detail = onboarding.StepApproved, ""
			return tx.SaveStep(ctx, w.run.ID, w.step)
		}
		w.step.State, w.step.Detail = onboarding.StepFailed, cause.Error()
		if err := tx.SaveStep(ctx, w.run.ID, w.step); err != nil {
			return err
		}
		current, err := tx.CurrentApproval(ctx, w.run.ID, w.step.Key)
		if err != nil || current == nil {
			return err
		}
		return useApproval(ctx, tx, current)
	})
}
