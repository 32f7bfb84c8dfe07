package onboarding

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Retry lets a step that is stuck look again. It returns [ErrNotOperator], [ErrRunEnded] or [ErrNotRetry].
func (s *Service) Retry(ctx context.Context, id uuid.UUID, key Key, operator string) error {
	actor, err := s.operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.change(ctx, id, func(tx pgx.Tx, run *Run) error {
		if run.State != RunActive {
			return ErrRunEnded
		}
		step := run.Step(key)
		if step == nil || !step.State.Stuck() {
			return ErrNotRetry
		}
		return s.again(ctx, tx, run, step, actor, EventRetried)
	})
}

// RetryAll lets every step of a run that is stuck look again, and returns how many there were.
func (s *Service) RetryAll(ctx context.Context, id uuid.UUID, operator string) (int, error) {
	actor, err := s.operator(ctx, operator)
	if err != nil {
		return 0, err
	}
	count := 0
	err = s.change(ctx, id, func(tx pgx.Tx, run *Run) error {
		if run.State != RunActive {
			return ErrRunEnded
		}
		stuck := run.Stuck()
		if count = len(stuck); count == 0 {
			return ErrNotRetry
		}
		for _, step := range stuck {
			if err := s.again(ctx, tx, run, step, actor, EventRetried); err != nil {
				return err
			}
		}
		return nil
	})
	return count, err
}

// CheckNow lets a step that waits for the world look at once. It returns [ErrNotOperator], [ErrRunEnded] or [ErrNotWaiting].
func (s *Service) CheckNow(ctx context.Context, id uuid.UUID, key Key, operator string) error {
	actor, err := s.operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.change(ctx, id, func(tx pgx.Tx, run *Run) error {
		if run.State != RunActive {
			return ErrRunEnded
		}
		step := run.Step(key)
		if step == nil || step.State != StepWaiting {
			return ErrNotWaiting
		}
		return s.again(ctx, tx, run, step, actor, EventChecked)
	})
}

// again makes a step look again, under its approval if that still stands.
func (s *Service) again(ctx context.Context, tx pgx.Tx, run *Run, step *Step, actor Operator, kind EventKind) error {
	approval, err := currentApproval(ctx, tx, run.ID, step.Key)
	if err != nil {
		return err
	}
	step.State = StepPending
	if approval != nil && approval.State == ApprovalApproved {
		step.State = StepApproved
	}
	step.Detail = ""
	if err := saveStep(ctx, tx, run, step); err != nil {
		return err
	}
	return addEvent(ctx, tx, Event{RunID: run.ID, Kind: kind, Step: step.Key, Actor: actor})
}

// Cancel ends a run where it stands: what was applied stays, what was asked is withdrawn. While a step is being applied it
// returns [ErrBusy], since that step's outcome would be lost; it also returns [ErrNotOperator] and [ErrRunEnded].
func (s *Service) Cancel(ctx context.Context, id uuid.UUID, operator string) error {
	actor, err := s.operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.change(ctx, id, func(tx pgx.Tx, run *Run) error {
		if run.State != RunActive {
			return ErrRunEnded
		}
		for i := range run.Steps {
			if run.Steps[i].State == StepApplying {
				return fmt.Errorf("step %s: %w", run.Steps[i].Key, ErrBusy)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE approvals SET state = 'withdrawn', closed_at = clock_timestamp() WHERE run_id = $1 AND state IN ('open', 'approved')`, id); err != nil {
			return fmt.Errorf("approvals of run %s: %w", id, err)
		}
		if err := endRun(ctx, tx, run, RunCancelled, actor); err != nil {
			return err
		}
		s.log.InfoContext(ctx, "run cancelled", "run", id, "slug", run.Request.Slug, "by", actor.ID)
		return addEvent(ctx, tx, Event{RunID: id, Kind: EventCancelled, Actor: actor})
	})
}
