package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Review observes every step that a run has still to do, and makes the changes that are known
// decidable now, each bound to its own digest. Open approvals are part of it. It returns
// [onboarding.ErrNotFound] and [onboarding.ErrRunEnded].
func (s *Service) Review(ctx context.Context, id uuid.UUID) ([]onboarding.Preapproval, error) {
	run, err := store.On(s.pool).LoadRun(ctx, id)
	if err != nil {
		return nil, err
	}
	if run.State != onboarding.RunActive {
		return nil, onboarding.ErrRunEnded
	}
	plan := s.PlanRun(ctx, run)
	review := make([]onboarding.Preapproval, len(plan.Steps))
	err = store.ChangeRun(ctx, s.pool, id, func(tx pgx.Tx, run *onboarding.Run) error {
		known, err := store.UndecidedOrAhead(ctx, tx, id)
		if err != nil {
			return err
		}
		for i, planned := range plan.Steps {
			ahead, err := preapproval(&s.policy, run, planned, known)
			if err != nil {
				return err
			}
			review[i] = ahead
			if ahead.Approval == nil || !ahead.Approval.Asked.IsZero() {
				continue
			}
			if err := store.On(tx).InsertApproval(ctx, ahead.Approval); err != nil {
				return err
			}
		}
		return nil
	})
	return review, err
}

// preapproval finds the approval of one planned step among those that are known, or makes one
// that is not stored yet.
func preapproval(
	policy *onboarding.Policy, run *onboarding.Run, planned onboarding.Planned, known []*onboarding.Approval,
) (onboarding.Preapproval, error) {
	ahead := onboarding.Preapproval{Planned: planned}
	step := run.Step(planned.Key)
	if planned.Change.Empty() || !planned.Destructive || step == nil {
		return ahead, nil
	}
	for _, approval := range known {
		same := approval.Digest == planned.Digest || approval.State == onboarding.ApprovalOpen
		if approval.Step == planned.Key && same && time.Now().Before(policy.ValidUntil(approval)) {
			ahead.Approval = approval
			return ahead, nil
		}
	}
	if step.State != onboarding.StepPending && step.State != onboarding.StepWaiting {
		return ahead, nil
	}
	approval, err := policy.NewApproval(run, planned.Key, planned.Change, time.Now())
	if err != nil {
		return onboarding.Preapproval{}, err
	}
	approval.State = onboarding.ApprovalAhead
	ahead.Approval = approval
	return ahead, nil
}

// ApproveAll records that a second operator agrees with several changes of one run, and returns
// how many counted. Of these, [Decision.NextWindow] is about those that a window covers. Those
// that were decided or lapsed meanwhile are left out; any other failure leaves all as they were.
func (s *Service) ApproveAll(
	ctx context.Context, id uuid.UUID, approvals []uuid.UUID, given Decision,
) (int, error) {
	permissions, err := s.deps.Directory.PermissionsNow(ctx, given.Operator)
	if err != nil {
		return 0, fmt.Errorf("approver: %w", err)
	}
	vote, err := given.vote()
	if err != nil {
		return 0, err
	}
	vote.By, vote.Agrees = permissions.Operator, true
	counted := 0
	err = s.change(ctx, id, func(tx pgx.Tx, run *onboarding.Run) error {
		if err := permissions.MayDecide(run); err != nil {
			return err
		}
		for _, id := range approvals {
			approval, err := store.On(tx).LoadApproval(ctx, id)
			if err != nil {
				return err
			}
			if approval.RunID != run.ID {
				return fmt.Errorf("approval %s of another run: %w", id, onboarding.ErrNotFound)
			}
			err = approval.DecidableBy(vote.By.ID, run, time.Now())
			if _, decided := errors.AsType[*onboarding.DecidedError](err); decided {
				continue
			}
			if err != nil {
				return err
			}
			if err := permissions.MayDecideOn(approval, run, time.Now()); err != nil {
				return err
			}
			ballot := &ballot{service: s, run: run, approval: approval, vote: vote,
				nextWindow: given.NextWindow && s.policy.HasWindows(run, approval)}
			if err := ballot.confirmed(given); err != nil {
				return err
			}
			if err := ballot.cast(ctx, tx); err != nil {
				return err
			}
			counted++
		}
		return nil
	})
	if isRefusal(err) && len(approvals) > 0 {
		err = Press{Approval: approvals[0], Operator: given.Operator}.Refused(ctx, s, err)
	}
	return counted, err
}
