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

// Retry has a stuck step observed again. It returns [onboarding.ErrNotOperator],
// [onboarding.ErrRunEnded] or [onboarding.ErrNotRetry].
func (s *Service) Retry(ctx context.Context, id uuid.UUID, key onboarding.Key, operator string) error {
	actor, err := s.Operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.changeActive(ctx, id, func(tx pgx.Tx, run *onboarding.Run) error {
		step := run.Step(key)
		if step == nil || !step.State.Stuck() {
			return onboarding.ErrNotRetry
		}
		return observeAgain(ctx, tx, step, onboarding.Event{RunID: run.ID, Kind: onboarding.EventRetried, Actor: actor})
	})
}

// RetryAll has every stuck step of a run observed again, and returns how many there were. It
// returns the errors of [Service.Retry].
func (s *Service) RetryAll(ctx context.Context, id uuid.UUID, operator string) (int, error) {
	actor, err := s.Operator(ctx, operator)
	if err != nil {
		return 0, err
	}
	count := 0
	err = s.changeActive(ctx, id, func(tx pgx.Tx, run *onboarding.Run) error {
		stuck := run.Stuck()
		if count = len(stuck); count == 0 {
			return onboarding.ErrNotRetry
		}
		for _, step := range stuck {
			event := onboarding.Event{RunID: run.ID, Kind: onboarding.EventRetried, Actor: actor}
			if err := observeAgain(ctx, tx, step, event); err != nil {
				return err
			}
		}
		return nil
	})
	return count, err
}

// CheckNow has a step that waits for something outside observed at once. It returns
// [onboarding.ErrNotOperator], [onboarding.ErrRunEnded] or [onboarding.ErrNotWaiting].
func (s *Service) CheckNow(ctx context.Context, id uuid.UUID, key onboarding.Key, operator string) error {
	actor, err := s.Operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.changeActive(ctx, id, func(tx pgx.Tx, run *onboarding.Run) error {
		step := run.Step(key)
		if step == nil || step.State != onboarding.StepWaiting {
			return onboarding.ErrNotWaiting
		}
		return observeAgain(ctx, tx, step, onboarding.Event{RunID: run.ID, Kind: onboarding.EventChecked, Actor: actor})
	})
}

// observeAgain has a step observed again, under its approval if that is still valid, and adds the
// event.
func observeAgain(ctx context.Context, tx pgx.Tx, step *onboarding.Step, event onboarding.Event) error {
	event.Step = step.Key
	approval, err := store.On(tx).CurrentApproval(ctx, event.RunID, step.Key)
	if err != nil {
		return err
	}
	step.State, step.Detail, step.Due = onboarding.StepPending, "", time.Time{}
	if approval != nil && approval.State == onboarding.ApprovalApproved {
		step.State = onboarding.StepApproved
	}
	if err := store.On(tx).SaveStep(ctx, event.RunID, step); err != nil {
		return err
	}
	return store.On(tx).AddEvent(ctx, event)
}

// Cancel ends a run where it stands: what was applied stays, and open approvals are withdrawn. It
// returns [onboarding.ErrBusy] while a step is being applied, since that step's outcome would be
// lost; it also returns [onboarding.ErrNotOperator] and [onboarding.ErrRunEnded].
func (s *Service) Cancel(ctx context.Context, id uuid.UUID, operator string) error {
	actor, err := s.Operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.changeActive(ctx, id, func(tx pgx.Tx, run *onboarding.Run) error {
		s.log.InfoContext(ctx, "run cancelled", "run", id, "slug", run.Request.Slug, "by", actor.ID)
		event := onboarding.Event{RunID: id, Kind: onboarding.EventCancelled, Actor: actor}
		if err := cancel(ctx, tx, run, event); err != nil {
			return err
		}
		return store.NotifyUndone(ctx, tx, s.deps.Notifier, run)
	})
}

// cancel ends a run that the transaction has locked, in the name of the event's actor, and adds
// the event.
func cancel(ctx context.Context, tx pgx.Tx, run *onboarding.Run, event onboarding.Event) error {
	for i := range run.Steps {
		if run.Steps[i].State == onboarding.StepApplying {
			return fmt.Errorf("step %s: %w", run.Steps[i].Key, onboarding.ErrBusy)
		}
	}
	if err := store.WithdrawApprovals(ctx, tx, run.ID); err != nil {
		return err
	}
	run.State, run.EndedBy = onboarding.RunCancelled, event.Actor
	if err := store.On(tx).EndRun(ctx, run); err != nil {
		return err
	}
	return store.On(tx).AddEvent(ctx, event)
}
