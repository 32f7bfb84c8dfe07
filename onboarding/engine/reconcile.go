package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

// reconcile continues a step that was approved, or that was interrupted: it observes the step,
// and applies what is left to do under the approval that the step has. It applies nothing that it
// did not observe in the same call, under the locks of what the change touches.
func (d *driver) reconcile(ctx context.Context, run *onboarding.Run, step *onboarding.Step) error {
	approval, err := d.approvalOf(ctx, run, step)
	if err != nil {
		return err
	}
	work := &work{run: run, step: step, approval: approval, interrupted: step.State == onboarding.StepApplying}
	if work.interrupted {
		if err := d.recordInterruption(ctx, work); err != nil {
			return err
		}
	}
	if held, err := d.hold(ctx, work); err != nil || held {
		return err
	}
	if approval != nil {
		waiting := func(text string) { d.showWaiting(ctx, work, text) }
		release, err := d.holder.lockAll(ctx, approval.Change, waiting)
		if err != nil {
			return err
		}
		work.release = sync.OnceFunc(release)
		defer work.release()
		if work.interruptions, err = d.db().Interruptions(ctx, approval.ID); err != nil {
			return err
		}
		work.interrupted = work.interrupted || len(work.interruptions) > 0
	}
	seen, err := d.observe(ctx, work)
	if err != nil {
		return err
	}
	return d.conclude(ctx, work, seen)
}

// applyObservation brings a step as far as a finished observation lets it go, unless the step was
// changed since the observation began.
func (d *driver) applyObservation(ctx context.Context, run *onboarding.Run, observation *pendingObservation) error {
	step := run.Step(observation.key)
	if !step.Changed.Equal(observation.changed) {
		discard(observation.early)
		return nil
	}
	err := d.conclude(ctx, &work{run: run, step: step}, observation.observed)
	if step.State != onboarding.StepDone {
		discard(observation.early)
	}
	return err
}

// work is what there is to do about one step.
type work struct {
	run         *onboarding.Run
	step        *onboarding.Step
	approval    *onboarding.Approval // under which the step may be applied, nil if there is none
	interrupted bool                 // an application under the approval was interrupted
	// interruptions are those that were.
	interruptions []onboarding.Attempt
	// release frees the locks of what the approved change touches.
	release func()
}

// event is an event about the step and its approval.
func (w *work) event(kind onboarding.EventKind) onboarding.Event {
	event := onboarding.Event{RunID: w.run.ID, Step: w.step.Key, Kind: kind}
	if w.approval != nil {
		event.Approval, event.Digest = w.approval.ID, w.approval.Digest
	}
	return event
}

// set says where the step stands. Findings are those of the last observation.
func (w *work) set(state onboarding.StepState, detail string, findings []onboarding.Finding) {
	w.step.State, w.step.Detail, w.step.Findings = state, detail, findings
}

// conclude brings a step as far as what was observed lets it go: it is done, waits, asks for
// approval, stops, or is applied.
func (d *driver) conclude(ctx context.Context, w *work, seen observed) error {
	observation, err := d.saveFacts(ctx, w.run, seen)
	if ctxErr := shutdown(ctx, err); ctxErr != nil {
		return ctxErr
	}
	switch {
	case err != nil && w.interrupted:
		w.set(onboarding.StepUnknown, "The bot was interrupted and cannot see what it did: "+err.Error(), nil)
		return d.stop(ctx, w)
	case err != nil:
		w.set(onboarding.StepFailed, err.Error(), nil)
		return d.stop(ctx, w)
	}
	if gone := done(w.run, observation.Reopen); len(gone) > 0 {
		w.set(onboarding.StepPending, "", nil)
		return d.save(ctx, w, func(tx Tx) error { return reopen(ctx, tx, w.run, gone) })
	}
	if finding, failed := observation.Failure(); failed {
		w.set(onboarding.StepFailed, finding.Name+": "+finding.Detail, observation.Findings)
		return d.stop(ctx, w)
	}
	switch {
	case observation.Later != "":
		w.set(onboarding.StepFailed, "What to change is not known yet: "+observation.Later, observation.Findings)
		return d.stop(ctx, w)
	case observation.Change.Empty() && observation.Waiting != "":
		return d.waitFor(ctx, w, observation)
	case observation.Change.Empty():
		return d.done(ctx, w, observation, 0)
	case w.approval == nil:
		return d.requestApproval(ctx, w, observation)
	case seen.digest != w.approval.Digest && !(w.interrupted && observation.Change.RestOf(w.approval.Change)):
		return d.requestApproval(ctx, w, observation)
	case d.freeze != nil:
		w.step.State, w.step.Detail = onboarding.StepApproved, ""
		return d.save(ctx, w, nil)
	}
	w.step.Findings = observation.Findings
	return d.apply(ctx, w, observation.Change)
}

// done returns those of some steps that are done.
func done(run *onboarding.Run, keys []onboarding.Key) []onboarding.Key {
	return slices.DeleteFunc(slices.Clone(keys), func(key onboarding.Key) bool {
		step := run.Step(key)
		return step == nil || step.State != onboarding.StepDone
	})
}

// reopen has steps observed again that were done, and those that come after them too.
func reopen(ctx context.Context, tx Tx, run *onboarding.Run, gone []onboarding.Key) error {
	isGone := func(key onboarding.Key) bool { return slices.Contains(gone, key) }
	for i := range run.Steps { // each step comes after those that it needs
		step := &run.Steps[i]
		if step.State != onboarding.StepDone || !isGone(step.Key) && !slices.ContainsFunc(step.After, isGone) {
			continue
		}
		gone = append(gone, step.Key)
		step.State, step.Detail = onboarding.StepPending, ""
		if err := tx.SaveStep(ctx, run.ID, step); err != nil {
			return err
		}
		event := onboarding.Event{RunID: run.ID, Step: step.Key, Kind: onboarding.EventReopened}
		if err := tx.AddEvent(ctx, event); err != nil {
			return err
		}
	}
	return nil
}

// saveFacts writes down what the run learned from an observation.
func (d *driver) saveFacts(ctx context.Context, run *onboarding.Run, seen observed) (onboarding.Observation, error) {
	if seen.err == nil {
		seen.err = d.db().SaveFacts(ctx, run, seen.Facts)
	}
	return seen.Observation, seen.err
}

// shutdown returns the error if it came of the process shutting down, after which the step stays
// as it is, and nil if the step failed.
func shutdown(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	return nil
}

// approvalOf returns the approval under which the step may be applied, nil if there is none.
func (d *driver) approvalOf(
	ctx context.Context, run *onboarding.Run, step *onboarding.Step,
) (*onboarding.Approval, error) {
	if step.State != onboarding.StepApproved && step.State != onboarding.StepApplying {
		return nil, nil
	}
	approval, err := d.db().CurrentApproval(ctx, run.ID, step.Key)
	if err != nil || approval == nil || approval.State != onboarding.ApprovalApproved {
		return nil, err
	}
	return approval, nil
}

// recordInterruption records that a process died while it applied the step.
func (d *driver) recordInterruption(ctx context.Context, w *work) error {
	return d.db().ChangeRun(ctx, w.run.ID, func(tx Tx, _ *onboarding.Run) error {
		found, err := tx.InterruptAttempts(ctx, w.run.ID, w.step.Key)
		if err != nil || !found {
			return err
		}
		return tx.AddEvent(ctx, w.event(onboarding.EventInterrupted))
	})
}

// save writes where a step stands now, unless the run ended meanwhile. The transaction also does
// what else there is to do, if anything, such as adding an event.
func (d *driver) save(ctx context.Context, w *work, also func(tx Tx) error) error {
	return d.db().ChangeRun(ctx, w.run.ID, func(tx Tx, fresh *onboarding.Run) error {
		if fresh.State != onboarding.RunActive {
			return nil
		}
		if err := tx.SaveStep(ctx, w.run.ID, w.step); err != nil || also == nil {
			return err
		}
		return also(tx)
	})
}

// stop leaves a step, which says why, where only a person gets it going again.
func (d *driver) stop(ctx context.Context, w *work) error {
	event := onboarding.Event{RunID: w.run.ID, Step: w.step.Key, Kind: onboarding.EventFailed, Text: w.step.Detail}
	if w.step.State == onboarding.StepUnknown {
		event.Kind = onboarding.EventUnknown
	}
	d.engine.log.WarnContext(ctx, "step stopped", "run", w.run.ID, "step", w.step.Key, "state", w.step.State,
		"error", w.step.Detail)
	return d.save(ctx, w, func(tx Tx) error { return tx.AddEvent(ctx, event) })
}

// waitFor leaves a step until something outside has happened.
func (d *driver) waitFor(ctx context.Context, w *work, observation onboarding.Observation) error {
	began := w.step.State != onboarding.StepWaiting
	w.set(onboarding.StepWaiting, observation.Waiting, observation.Findings)
	w.step.Due = time.Now().Add(max(observation.Again, time.Second))
	return d.save(ctx, w, func(tx Tx) error {
		if began {
			event := onboarding.Event{RunID: w.run.ID, Step: w.step.Key, Kind: onboarding.EventWaiting,
				Text: observation.Waiting}
			if err := tx.AddEvent(ctx, event); err != nil {
				return err
			}
		}
		if err := useApproval(ctx, tx, w.approval); err != nil {
			return err
		}
		return tx.Wake(ctx, w.run.ID, w.step.Due)
	})
}

// done ends a step of which nothing is left to do. Took is how long it took to be applied, 0 if
// it was not.
func (d *driver) done(ctx context.Context, w *work, observation onboarding.Observation, took time.Duration) error {
	w.set(onboarding.StepDone, "", observation.Findings)
	event := w.event(onboarding.EventDone)
	event.Took = took
	d.engine.log.InfoContext(ctx, "step done", "run", w.run.ID, "step", w.step.Key, "took", took)
	return d.save(ctx, w, func(tx Tx) error {
		if err := useApproval(ctx, tx, w.approval); err != nil {
			return err
		}
		return tx.AddEvent(ctx, event)
	})
}

// useApproval closes the approval of a step that was applied, if there was one.
func useApproval(ctx context.Context, tx Tx, approval *onboarding.Approval) error {
	if approval == nil {
		return nil
	}
	return tx.CloseApproval(ctx, approval, onboarding.ApprovalUsed)
}
