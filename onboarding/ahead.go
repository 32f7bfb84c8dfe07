package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// question makes the approval that asks for a change of a step, and when it needs attention by itself.
func (s *Service) question(run *Run, key Key, change Change) (*Approval, timing, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, timing{}, err
	}
	digest, err := change.Digest()
	if err != nil {
		return nil, timing{}, err
	}
	now := time.Now()
	rule := s.config.rule(key.Kind())
	approval := &Approval{ID: id, RunID: run.ID, Step: key, Change: change, Digest: digest, State: ApprovalOpen,
		Needs: rule.Approvers, ReasonNeeded: rule.Reason, Expires: now.Add(s.config.ApprovalLife)}
	at := timing{remind: approval.Expires.Add(-s.config.RemindBefore)}
	if s.config.EscalateAfter > 0 {
		at.escalate = now.Add(s.config.EscalateAfter)
	}
	return approval, at, nil
}

// Preapproval is a step whose turn has not come, for somebody who reviews the whole run at once.
type Preapproval struct {
	Planned
	// Approval can be decided now. It is nil where there is nothing to decide: the step is done, its change cannot be known
	// yet, or it cannot look.
	Approval *Approval
}

// Review looks at everything that a run has still to do and makes what can be known now decidable, each change bound to its
// own digest. Open questions are part of it. It returns [ErrNotFound] and [ErrRunEnded].
func (s *Service) Review(ctx context.Context, id uuid.UUID) ([]Preapproval, error) {
	view, err := s.View(ctx, id)
	if err != nil {
		return nil, err
	}
	if view.State != RunActive {
		return nil, ErrRunEnded
	}
	plan := s.PlanRun(ctx, view.Run)
	review := make([]Preapproval, len(plan.Steps))
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		run, err := lockRun(ctx, tx, id)
		if err != nil {
			return err
		}
		known, err := approvalsWhere(ctx, tx, `run_id = $1 AND state IN ('open', 'ahead', 'ahead_approved') AND expires_at > clock_timestamp()`, id)
		if err != nil {
			return err
		}
		for i, planned := range plan.Steps {
			if review[i], err = s.ahead(ctx, tx, run, planned, known); err != nil {
				return err
			}
		}
		return nil
	})
	return review, err
}

// ahead finds or makes the approval of one planned step.
func (s *Service) ahead(ctx context.Context, tx pgx.Tx, run *Run, planned Planned, known []*Approval) (Preapproval, error) {
	ahead := Preapproval{Planned: planned}
	step := run.Step(planned.Key)
	if planned.Change.Empty() || !planned.Destructive || step == nil {
		return ahead, nil
	}
	for _, approval := range known {
		if approval.Step == planned.Key && (approval.Digest == planned.Digest || approval.State == ApprovalOpen) {
			ahead.Approval = approval
			return ahead, nil
		}
	}
	if step.State != StepPending && step.State != StepWaiting {
		return ahead, nil
	}
	approval, at, err := s.question(run, planned.Key, planned.Change)
	if err != nil {
		return Preapproval{}, err
	}
	approval.State = ApprovalAhead
	ahead.Approval = approval
	return ahead, insertApproval(ctx, tx, approval, at)
}

// ApproveAll records that a second operator agrees with several changes of one run, and returns how many counted. Those that
// were decided or lapsed meanwhile are left out; any other failure leaves all as they were.
func (s *Service) ApproveAll(ctx context.Context, id uuid.UUID, approvals []uuid.UUID, operator, reason string) (int, error) {
	run, err := loadRun(ctx, s.pool, id)
	if err != nil {
		return 0, err
	}
	by, err := s.approver(ctx, run, operator)
	if err != nil {
		return 0, err
	}
	vote := Vote{By: by, Agrees: true, Reason: tidyReason(reason)}
	counted := 0
	err = s.change(ctx, id, func(tx pgx.Tx, run *Run) error {
		for _, id := range approvals {
			approval, err := loadApproval(ctx, tx, id)
			if err != nil {
				return err
			}
			if approval.RunID != run.ID {
				return fmt.Errorf("approval %s of another run: %w", id, ErrNotFound)
			}
			err = open(run, approval, by.ID)
			if _, decided := errors.AsType[*DecidedError](err); decided {
				continue
			}
			if err != nil {
				return err
			}
			if approval.ReasonNeeded && vote.Reason == "" {
				return ErrNoReason
			}
			if err := s.vote(ctx, tx, run, approval, vote); err != nil {
				return err
			}
			counted++
		}
		return nil
	})
	return counted, err
}

// takeAhead lets a step go on under the approval that was given before its turn, if there is one for exactly this change. One
// that was shown, and perhaps voted on, and lacks approvers becomes the question. Those for other changes lapse.
func (d *driver) takeAhead(ctx context.Context, run *Run, step *Step, digest Digest) (bool, error) {
	taken := false
	err := pgx.BeginFunc(ctx, d.conn, func(tx pgx.Tx) error {
		fresh, err := lockRun(ctx, tx, run.ID)
		if err != nil || fresh.State != RunActive {
			return err
		}
		given, err := approvalsWhere(ctx, tx, `run_id = $1 AND step = $2 AND state IN ('ahead', 'ahead_approved')`, run.ID, step.Key)
		if err != nil {
			return err
		}
		for _, approval := range given {
			same := approval.Digest == digest && time.Now().Before(approval.Expires) && !taken
			switch {
			case same && approval.State == ApprovalAheadApproved:
				taken = true
				step.State, step.Detail = StepApproved, ""
				err = setApproval(ctx, tx, approval, ApprovalApproved)
			case same:
				taken = true
				step.State, step.Detail = StepAsking, ""
				if err = setApproval(ctx, tx, approval, ApprovalOpen); err == nil {
					err = addEvent(ctx, tx, Event{RunID: run.ID, Kind: EventAsked, Step: step.Key, Approval: approval.ID, Digest: digest})
				}
			default:
				err = d.lapse(ctx, tx, run, approval)
			}
			if err != nil {
				return err
			}
		}
		if len(given) == 0 {
			return nil
		}
		if taken {
			if err := saveStep(ctx, tx, run, step); err != nil {
				return err
			}
		}
		return d.Audience.RunChanged(ctx, tx, run.ID)
	})
	return taken, err
}

// lapse ends an approval that was given ahead for a change that is not the one to be made.
func (d *driver) lapse(ctx context.Context, tx pgx.Tx, run *Run, approval *Approval) error {
	decided := approval.State == ApprovalAheadApproved
	if err := closeApproval(ctx, tx, approval, ApprovalLapsed); err != nil || !decided {
		return err
	}
	return addEvent(ctx, tx, Event{RunID: run.ID, Kind: EventLapsed, Step: approval.Step, Approval: approval.ID, Digest: approval.Digest,
		Text: "The change is not the one that was approved ahead."})
}
