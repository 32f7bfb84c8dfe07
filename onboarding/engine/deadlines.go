package engine

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// keepTime reminds of the run's approvals that soon expire, and ends those that nobody decided or
// that were given and not applied in time. It returns the run as it is then.
func (d *driver) keepTime(ctx context.Context, run *onboarding.Run) (*onboarding.Run, error) {
	due, err := d.engine.due(ctx, d.db(), run.ID)
	if err != nil || len(due) == 0 {
		return run, err
	}
	err = d.db().ChangeRun(ctx, run.ID, func(tx Tx, fresh *onboarding.Run) error {
		run = fresh
		due, err := d.engine.due(ctx, tx, run.ID)
		if err != nil {
			return err
		}
		for _, approval := range due {
			if err := d.engine.keepTimeOf(ctx, tx, run, approval); err != nil {
				return err
			}
		}
		return nil
	})
	return run, err
}

// due returns the due approvals of a run, without those that were given and expire later because
// their change waits for its window.
func (e *Engine) due(ctx context.Context, db Records, run uuid.UUID) ([]*onboarding.Approval, error) {
	due, err := db.DueApprovals(ctx, run)
	return slices.DeleteFunc(due, func(approval *onboarding.Approval) bool {
		until := e.policy.ValidUntil(approval)
		waits := approval.State == onboarding.ApprovalApproved && until.After(approval.Expires)
		return waits && time.Now().Before(until)
	}), err
}

// keepTimeOf expires an approval whose time is over, or records that its approvers are reminded
// or that the second group is told.
func (e *Engine) keepTimeOf(ctx context.Context, tx Tx, run *onboarding.Run, approval *onboarding.Approval) error {
	event := onboarding.Event{RunID: run.ID, Step: approval.Step, Approval: approval.ID, Digest: approval.Digest}
	if approval.State == onboarding.ApprovalApproved {
		event.Text = errExpired.Error()
		return revoke(ctx, tx, run.Step(approval.Step), event)
	}
	if !time.Now().Before(approval.Expires) {
		if err := tx.CloseApproval(ctx, approval, onboarding.ApprovalExpired); err != nil {
			return err
		}
		step := run.Step(approval.Step)
		step.State = onboarding.StepExpired
		step.Detail = "Nobody decided within " + e.policy.ApprovalLife.String() + "."
		if err := tx.SaveStep(ctx, run.ID, step); err != nil {
			return err
		}
		event.Kind = onboarding.EventExpired
		return tx.AddEvent(ctx, event)
	}
	reminded, err := tx.MarkReminded(ctx, approval.ID)
	if err != nil {
		return err
	}
	if reminded {
		event.Kind = onboarding.EventReminded
		if err := tx.AddEvent(ctx, event); err != nil {
			return err
		}
	}
	escalated, err := tx.MarkEscalated(ctx, approval.ID)
	if err != nil || !escalated {
		return err
	}
	event.Kind = onboarding.EventEscalated
	return tx.AddEvent(ctx, event)
}
