package onboarding

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// settle goes on with a step that was approved, or that was cut short: it looks, and applies the change under the approval that
// it has. Nothing is applied that was not looked at in the same call, under the locks of what it touches.
func (d *driver) settle(ctx context.Context, run *Run, step *Step) error {
	approval, err := d.approved(ctx, run, step)
	if err != nil {
		return err
	}
	interrupted := step.State == StepApplying
	if interrupted {
		if err := d.interrupted(ctx, run, step, approval); err != nil {
			return err
		}
	}
	if approval != nil {
		release, err := d.hold(ctx, approval.Change)
		if err != nil {
			return err
		}
		defer release()
	}
	return d.conclude(ctx, run, step, approval, interrupted, d.see(ctx, run, step.Key))
}

// conclude brings a step as far as what was seen of it lets it go: it is done, waits, asks, stops, or is applied.
func (d *driver) conclude(ctx context.Context, run *Run, step *Step, approval *Approval, interrupted bool, seen sight) error {
	look, err := d.keep(ctx, run, seen)
	if ctxErr := parentDone(ctx, err); ctxErr != nil {
		return ctxErr
	}
	switch {
	case err != nil && interrupted:
		return d.stop(ctx, run, step, StepUnknown, "It was cut short, and what happened cannot be seen: "+err.Error(), nil)
	case err != nil:
		return d.stop(ctx, run, step, StepFailed, err.Error(), nil)
	}
	if finding, bad := look.failed(); bad {
		return d.stop(ctx, run, step, StepFailed, finding.Name+": "+finding.Detail, look.Findings)
	}
	switch {
	case look.Later != "":
		return d.stop(ctx, run, step, StepFailed, "The change cannot be known yet: "+look.Later, look.Findings)
	case look.Change.Empty() && look.Waiting != "":
		return d.wait(ctx, run, step, approval, look)
	case look.Change.Empty():
		return d.done(ctx, run, step, approval, look, 0)
	case approval == nil:
		return d.ask(ctx, run, step, look, nil)
	case seen.digest != approval.Digest && !(interrupted && look.Change.restOf(approval.Change)):
		return d.ask(ctx, run, step, look, approval)
	case d.freeze != nil:
		step.State, step.Detail = StepApproved, ""
		return d.move(ctx, run, step, Event{}, nil)
	}
	return d.apply(ctx, run, step, approval, look.Change)
}

// parentDone tells a shutdown, after which the step stays as it is, from a failure of the step.
func parentDone(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return err
	}
	return nil
}

// approved returns the approval under which the step may be applied, nil if there is none.
func (d *driver) approved(ctx context.Context, run *Run, step *Step) (*Approval, error) {
	if step.State != StepApproved && step.State != StepApplying {
		return nil, nil
	}
	approval, err := currentApproval(ctx, d.conn, run.ID, step.Key)
	if err != nil || approval == nil || approval.State != ApprovalApproved {
		return nil, err
	}
	return approval, nil
}

// interrupted records that a process died while it applied the step.
func (d *driver) interrupted(ctx context.Context, run *Run, step *Step, approval *Approval) error {
	return d.change(ctx, run.ID, func(tx pgx.Tx, run *Run) error {
		found, err := interruptAttempts(ctx, tx, run.ID, step.Key)
		if err != nil || !found {
			return err
		}
		event := Event{RunID: run.ID, Kind: EventInterrupted, Step: step.Key}
		if approval != nil {
			event.Approval, event.Digest = approval.ID, approval.Digest
		}
		return addEvent(ctx, tx, event)
	})
}

// move writes where a step stands now, and what happened, unless the run ended meanwhile.
func (d *driver) move(ctx context.Context, run *Run, step *Step, event Event, also func(tx pgx.Tx) error) error {
	return d.change(ctx, run.ID, func(tx pgx.Tx, fresh *Run) error {
		if fresh.State != RunActive {
			return nil
		}
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		if err := saveStep(ctx, tx, run, step); err != nil {
			return err
		}
		if event.Kind == "" {
			return nil
		}
		event.RunID, event.Step = run.ID, step.Key
		return addEvent(ctx, tx, event)
	})
}

// stop leaves a step where only a person gets it going again.
func (d *driver) stop(ctx context.Context, run *Run, step *Step, state StepState, why string, findings []Finding) error {
	step.State, step.Detail, step.Findings = state, why, findings
	kind := EventFailed
	if state == StepUnknown {
		kind = EventUnknown
	}
	d.log.WarnContext(ctx, "step stopped", "run", run.ID, "step", step.Key, "state", state, "error", why)
	return d.move(ctx, run, step, Event{Kind: kind, Text: why}, nil)
}

func (d *driver) wait(ctx context.Context, run *Run, step *Step, approval *Approval, look Observation) error {
	again := max(look.Again, time.Second)
	event := Event{}
	if step.State != StepWaiting {
		event = Event{Kind: EventWaiting, Text: look.Waiting}
	}
	step.State, step.Detail, step.Findings, step.Due = StepWaiting, look.Waiting, look.Findings, time.Now().Add(again)
	return d.move(ctx, run, step, event, func(tx pgx.Tx) error {
		if approval != nil {
			if err := closeApproval(ctx, tx, approval, ApprovalUsed); err != nil {
				return err
			}
		}
		return d.wake(ctx, tx, run.ID, step.Due)
	})
}

func (d *driver) done(ctx context.Context, run *Run, step *Step, approval *Approval, look Observation, took time.Duration) error {
	step.State, step.Detail, step.Findings = StepDone, "", look.Findings
	event := Event{Kind: EventDone, Took: took}
	if approval != nil {
		event.Approval, event.Digest = approval.ID, approval.Digest
	}
	d.log.InfoContext(ctx, "step done", "run", run.ID, "step", step.Key, "took", took)
	return d.move(ctx, run, step, event, func(tx pgx.Tx) error {
		if approval == nil {
			return nil
		}
		return closeApproval(ctx, tx, approval, ApprovalUsed)
	})
}

// ask puts the change to a second operator. A lapsed approval is the one whose change the world has moved away from.
func (d *driver) ask(ctx context.Context, run *Run, step *Step, look Observation, lapsed *Approval) error {
	if !step.Destructive {
		return d.stop(ctx, run, step, StepFailed, "This step wants to change something but is not one that asks.", look.Findings)
	}
	approval, at, err := d.question(run, step.Key, look.Change)
	if err != nil {
		return err
	}
	if lapsed == nil {
		if taken, err := d.takeAhead(ctx, run, step, approval.Digest); err != nil || taken {
			return err
		}
	}
	step.State, step.Detail, step.Findings = StepAsking, "", look.Findings
	return d.move(ctx, run, step, Event{Kind: EventAsked, Approval: approval.ID, Digest: approval.Digest}, func(tx pgx.Tx) error {
		if lapsed != nil {
			approval.Drift = moved(lapsed.Change, look.Change)
			if err := closeApproval(ctx, tx, lapsed, ApprovalLapsed); err != nil {
				return err
			}
			err := addEvent(ctx, tx, Event{RunID: run.ID, Kind: EventLapsed, Step: step.Key, Approval: lapsed.ID, Digest: lapsed.Digest, Text: approval.Drift})
			if err != nil {
				return err
			}
		}
		if err := insertApproval(ctx, tx, approval, at); err != nil {
			return err
		}
		for _, at := range []time.Time{at.remind, at.escalate, approval.Expires} {
			if at.IsZero() {
				continue
			}
			if err := d.wake(ctx, tx, run.ID, at); err != nil {
				return err
			}
		}
		return nil
	})
}
