package engine

import (
	"context"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

// requestApproval asks a second operator to approve the observed change. The approval that the
// step has, if any, is for another change and lapses.
func (d *driver) requestApproval(ctx context.Context, w *work, observation onboarding.Observation) error {
	if !w.step.Destructive {
		const unasked = "This step proposes a change, but it is not one that asks for approval."
		w.set(onboarding.StepFailed, unasked, observation.Findings)
		return d.stop(ctx, w)
	}
	approval, err := d.engine.policy.NewApproval(w.run, w.step.Key, observation.Change, time.Now())
	if err != nil {
		return err
	}
	lapsed := w.approval
	if lapsed != nil {
		approval.Drift = onboarding.Drift(lapsed.Change, observation.Change)
	}
	return d.db().ChangeRun(ctx, w.run.ID, func(tx Tx, fresh *onboarding.Run) error {
		if fresh.State != onboarding.RunActive {
			return nil
		}
		if lapsed == nil {
			if taken, err := d.takePreapproval(ctx, tx, w, approval.Digest); err != nil || taken {
				return err
			}
		} else if err := lapse(ctx, tx, lapsed, approval.Drift); err != nil {
			return err
		}
		w.approval = approval
		w.set(onboarding.StepAsking, "", observation.Findings)
		return ask(ctx, tx, w)
	})
}

// ask puts a new approval to a second operator.
func ask(ctx context.Context, tx Tx, w *work) error {
	if err := tx.SaveStep(ctx, w.run.ID, w.step); err != nil {
		return err
	}
	if err := tx.InsertApproval(ctx, w.approval); err != nil {
		return err
	}
	if err := tx.AskTogether(ctx, w.approval); err != nil {
		return err
	}
	if err := wakeFor(ctx, tx, w.approval); err != nil {
		return err
	}
	return tx.AddEvent(ctx, w.event(onboarding.EventAsked))
}

// wakeFor has the run advanced when the reminder, the escalation and the end of an approval are
// due.
func wakeFor(ctx context.Context, tx Tx, approval *onboarding.Approval) error {
	for _, at := range []time.Time{approval.Remind, approval.Escalate, approval.Expires} {
		if at.IsZero() {
			continue
		}
		if err := tx.Wake(ctx, approval.RunID, at); err != nil {
			return err
		}
	}
	return nil
}

// revoke ends an approval that was given and does not count any more, with the event's text as the
// reason, and has its step observed and asked for again.
func revoke(ctx context.Context, tx Tx, step *onboarding.Step, event onboarding.Event) error {
	event.Kind = onboarding.EventLapsed
	if err := tx.AddEvent(ctx, event); err != nil {
		return err
	}
	step.State, step.Detail = onboarding.StepPending, ""
	if err := tx.SaveStep(ctx, event.RunID, step); err != nil {
		return err
	}
	current, err := tx.CurrentApproval(ctx, event.RunID, step.Key)
	if err != nil || current == nil {
		return err
	}
	return tx.CloseApproval(ctx, current, onboarding.ApprovalRevoked)
}

// lapse ends an approval for a change that is not the one to be made, and adds why to the audit
// trail.
func lapse(ctx context.Context, tx Tx, approval *onboarding.Approval, why string) error {
	if err := tx.CloseApproval(ctx, approval, onboarding.ApprovalLapsed); err != nil {
		return err
	}
	return tx.AddEvent(ctx, onboarding.Event{RunID: approval.RunID, Kind: onboarding.EventLapsed,
		Step: approval.Step, Approval: approval.ID, Digest: approval.Digest, Text: why})
}

// takePreapproval lets a step go on under the approval that was given before its turn, if there
// is one for exactly this change. One that was shown, and perhaps voted on, and lacks approvers
// becomes the step's open approval. Those for other changes lapse.
func (d *driver) takePreapproval(
	ctx context.Context, tx Tx, w *work, digest onboarding.Digest,
) (taken bool, err error) {
	given, err := tx.Preapprovals(ctx, w.run.ID, w.step.Key)
	if err != nil {
		return false, err
	}
	for _, approval := range given {
		valid := time.Now().Before(d.engine.policy.ValidUntil(approval))
		if !taken && approval.Digest == digest && valid {
			taken = true
			err = usePreapproval(ctx, tx, w.step, approval)
		} else {
			err = dropPreapproval(ctx, tx, approval)
		}
		if err != nil {
			return false, err
		}
	}
	if !taken {
		return false, nil
	}
	return true, tx.SaveStep(ctx, w.run.ID, w.step)
}

// usePreapproval makes what was shown before the step's turn the step's approval: given, or still
// to be decided.
func usePreapproval(ctx context.Context, tx Tx, step *onboarding.Step, approval *onboarding.Approval) error {
	if err := wakeFor(ctx, tx, approval); err != nil {
		return err
	}
	if err := tx.AskTogether(ctx, approval); err != nil {
		return err
	}
	if approval.State == onboarding.ApprovalAheadApproved {
		step.State, step.Detail, step.Due = onboarding.StepApproved, "", time.Time{}
		return tx.SetApprovalState(ctx, approval, onboarding.ApprovalApproved)
	}
	step.State, step.Detail = onboarding.StepAsking, ""
	if err := tx.SetApprovalState(ctx, approval, onboarding.ApprovalOpen); err != nil {
		return err
	}
	return tx.AddEvent(ctx, onboarding.Event{RunID: approval.RunID, Kind: onboarding.EventAsked, Step: step.Key,
		Approval: approval.ID, Digest: approval.Digest})
}

// dropPreapproval ends what was shown before the step's turn for a change that is not the one to
// be made. The audit trail has it if it was decided.
func dropPreapproval(ctx context.Context, tx Tx, approval *onboarding.Approval) error {
	if approval.State == onboarding.ApprovalAheadApproved {
		return lapse(ctx, tx, approval, "The change is not the one that was approved in advance.")
	}
	return tx.CloseApproval(ctx, approval, onboarding.ApprovalLapsed)
}
