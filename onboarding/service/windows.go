package service

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// ApplyNow has an approved change that waits for its window applied at once. A second operator decides
// that, and a refusal is in the audit trail. It returns the errors of
// [onboarding.Permissions.MayDecideOn], [onboarding.ErrNotFound], and [onboarding.ErrNotWaiting] for a
// change that does not wait.
func ApplyNow(ctx context.Context, s *Service, id uuid.UUID, operator string) error {
	permissions, err := s.deps.Directory.PermissionsNow(ctx, operator)
	if err != nil {
		return fmt.Errorf("approver: %w", err)
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		run, approval, err := store.LockApproval(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := permissions.MayDecideOn(approval, run, time.Now()); err != nil {
			return err
		}
		step := run.Step(approval.Step)
		waits := step != nil && step.State == onboarding.StepApproved && !step.Due.IsZero() && !approval.ApplyNow
		if !waits || approval.State != onboarding.ApprovalApproved || run.State != onboarding.RunActive {
			return onboarding.ErrNotWaiting
		}
		if err := store.SetApplyNow(ctx, tx, approval); err != nil {
			return err
		}
		if err := store.SaveStep(ctx, tx, run.ID, step); err != nil { // the engine looks at it again
			return err
		}
		event := onboarding.Event{RunID: run.ID, Kind: onboarding.EventApplyNow, Step: step.Key,
			Actor: permissions.Operator, Approval: approval.ID, Digest: approval.Digest}
		if err := store.AddEvent(ctx, tx, event); err != nil {
			return err
		}
		return s.announce(ctx, tx, run.ID)
	})
	if isRefusal(err) {
		return Press{Approval: id, Operator: operator}.Refused(ctx, s, err)
	}
	return err
}

// wait returns until when the change waits for its window, zero for at once. If whoever agrees has it
// wait for the next window and none comes, it returns [onboarding.ErrNoWindow].
func (b *ballot) wait(now time.Time) (time.Time, error) {
	policy := b.service.policy
	if b.nextWindow {
		opens, ok := policy.NextWindow(b.run, b.approval, now)
		if !ok {
			return time.Time{}, onboarding.ErrNoWindow
		}
		return opens, nil
	}
	if opens, ok := policy.Opens(b.run, b.approval, now); ok && opens.After(now) {
		return opens, nil
	}
	return time.Time{}, nil
}
