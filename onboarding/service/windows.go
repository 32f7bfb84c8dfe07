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

// ApplyNow has an approved change that waits for its window applied at once. A second operator
// decides that, and a refusal is in the audit trail. It returns the errors of
// [onboarding.Permissions.MayDecideOn], [onboarding.ErrNotFound], and [onboarding.ErrNotWaiting]
// for a change that does not wait.
func (s *Service) ApplyNow(ctx context.Context, id uuid.UUID, operator string) error {
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
		signer, before := s.deps.SecondFactor, approval.ApplyNow
		pressed := before != nil && onboarding.Signed(signer, before.Signature, before.Signed(approval))
		waits := step != nil && step.State == onboarding.StepApproved && !step.Due.IsZero() && !pressed
		if !waits || approval.State != onboarding.ApprovalApproved || run.State != onboarding.RunActive {
			return onboarding.ErrNotWaiting
		}
		press := &onboarding.ApplyNow{By: permissions.Operator.ID, At: time.Now().UTC().Truncate(time.Microsecond)}
		press.Signature = signer.SignValues(press.Signed(approval)...)
		if err := store.SetApplyNow(ctx, tx, approval, press); err != nil {
			return err
		}
		if err := store.On(tx).SaveStep(ctx, run.ID, step); err != nil { // the engine looks at it again
			return err
		}
		event := onboarding.Event{RunID: run.ID, Kind: onboarding.EventApplyNow, Step: step.Key,
			Actor: permissions.Operator, Approval: approval.ID, Digest: approval.Digest}
		if err := store.On(tx).AddEvent(ctx, event); err != nil {
			return err
		}
		return s.announce(ctx, tx, run.ID)
	})
	if isRefusal(err) {
		return Press{Approval: id, Operator: operator}.Refused(ctx, s, err)
	}
	return err
}

// wait returns until when the change waits for its window, zero for at once. If whoever agrees has
// it wait for the next window and none comes, it returns [onboarding.ErrNoWindow].
func (b *ballot) wait(now time.Time) (time.Time, error) {
	policy := b.service.policy
	if b.nextWindow {
		opens, ok := policy.NextWindow(b.run, b.approval, now)
		if !ok {
			return time.Time{}, onboarding.ErrNoWindow
		}
		return opens, nil
	}
	// What the database says of other votes and of Apply now is not signed here, and must not
	// shorten it.
	asked := &onboarding.Approval{Step: b.approval.Step, Change: b.approval.Change}
	if opens, ok := policy.Opens(b.run, asked, now); ok && opens.After(now) {
		return opens, nil
	}
	return time.Time{}, nil
}
