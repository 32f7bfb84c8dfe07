package onboarding

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// MaxReason is how long a reason may be, in characters.
const MaxReason = 500

// Approve records that a second operator agrees with a change, with a reason where one is needed. It returns
// [ErrNotApprover], [ErrOwnRequest], [ErrNotFound], [ErrNoReason], or a [DecidedError] for an approval that is no longer open.
func (s *Service) Approve(ctx context.Context, approval uuid.UUID, operator, reason string) error {
	return s.decide(ctx, approval, operator, Vote{Agrees: true, Reason: tidyReason(reason)})
}

// Reject records that a second operator does not agree, and why. It returns the errors of [Service.Approve].
func (s *Service) Reject(ctx context.Context, approval uuid.UUID, operator, reason string) error {
	reason = tidyReason(reason)
	if reason == "" {
		return ErrNoReason
	}
	return s.decide(ctx, approval, operator, Vote{Reason: reason})
}

// BreakGlass lets an operator approve a change alone, their own request included, when the configuration allows it: with a
// reason, under its own name in the audit trail. It returns [ErrNoGlass] when it is switched off, [ErrNoReason],
// [ErrNotOperator], or a [DecidedError].
func (s *Service) BreakGlass(ctx context.Context, approval uuid.UUID, operator, reason string) error {
	reason = tidyReason(reason)
	switch {
	case !s.config.BreakGlass:
		return ErrNoGlass
	case reason == "":
		return ErrNoReason
	}
	return s.decide(ctx, approval, operator, Vote{Agrees: true, Reason: reason, BrokeGlass: true})
}

// GlassAllowed reports whether [Service.BreakGlass] is switched on.
func (s *Service) GlassAllowed() bool { return s.config.BreakGlass }

func tidyReason(reason string) string {
	runes := []rune(strings.TrimSpace(reason))
	return string(runes[:min(len(runes), MaxReason)])
}

// MayDecide returns the approval if this operator may decide on it now, and the errors of [Service.Approve] otherwise.
func (s *Service) MayDecide(ctx context.Context, id uuid.UUID, operator string) (*Approval, error) {
	approval, err := loadApproval(ctx, s.pool, id)
	if err != nil {
		return nil, err
	}
	run, err := loadRun(ctx, s.pool, approval.RunID)
	if err != nil {
		return nil, err
	}
	if _, err := s.approver(ctx, run, operator); err != nil {
		return nil, err
	}
	return approval, open(run, approval, operator)
}

// approver returns who somebody is if they may decide on changes of this run.
func (s *Service) approver(ctx context.Context, run *Run, id string) (Operator, error) {
	standing, err := s.Directory.Permissions(ctx, id)
	switch {
	case err != nil:
		return Operator{}, fmt.Errorf("approver: %w", err)
	case !standing.Approves:
		return Operator{}, &PermissionError{Because: standing.Refused, Err: ErrNotApprover}
	case standing.ID == run.Requester.ID:
		return Operator{}, ErrOwnRequest
	}
	return standing.Operator, nil
}

// open reports whether an approval can still be decided by this operator.
func open(run *Run, approval *Approval, operator string) error {
	if approval.State.decidable() && time.Now().After(approval.Expires) {
		return &DecidedError{State: ApprovalExpired, At: approval.Expires}
	}
	for _, vote := range approval.Votes {
		if vote.By.ID == operator {
			return &DecidedError{State: approval.State, By: vote.By.ID, At: vote.At}
		}
	}
	if !approval.State.decidable() {
		decided := &DecidedError{State: approval.State, At: approval.Closed}
		if count := len(approval.Votes); count > 0 {
			decided.By, decided.At = approval.Votes[count-1].By.ID, approval.Votes[count-1].At
		}
		return decided
	}
	if run.State != RunActive {
		return ErrRunEnded
	}
	return nil
}

func (s *Service) decide(ctx context.Context, id uuid.UUID, operator string, vote Vote) error {
	// Who may decide is asked before the transaction: it may take a call to the chat side.
	found, err := loadApproval(ctx, s.pool, id)
	if err != nil {
		return err
	}
	run, err := loadRun(ctx, s.pool, found.RunID)
	if err != nil {
		return err
	}
	if vote.BrokeGlass {
		vote.By, err = s.operator(ctx, operator)
	} else {
		vote.By, err = s.approver(ctx, run, operator)
	}
	if err != nil {
		return err
	}
	return s.change(ctx, found.RunID, func(tx pgx.Tx, run *Run) error {
		approval, err := loadApproval(ctx, tx, id)
		if err != nil {
			return err
		}
		if err := open(run, approval, vote.By.ID); err != nil {
			return err
		}
		if vote.Agrees && approval.ReasonNeeded && vote.Reason == "" {
			return ErrNoReason
		}
		return s.vote(ctx, tx, run, approval, vote)
	})
}

// vote counts a decision on an approval that is open, or was shown ahead.
func (s *Service) vote(ctx context.Context, tx pgx.Tx, run *Run, approval *Approval, vote Vote) error {
	ahead := approval.State == ApprovalAhead
	step := run.Step(approval.Step)
	if step == nil || !ahead && step.State != StepAsking {
		return fmt.Errorf("approval %s asks for no step that waits for it: %w", approval.ID, ErrNotFound)
	}
	if err := insertVote(ctx, tx, approval, vote); err != nil {
		return err
	}
	event := Event{RunID: run.ID, Kind: EventApproved, Step: step.Key, Actor: vote.By, Text: vote.Reason, Approval: approval.ID, Digest: approval.Digest}
	enough := len(approval.approvers()) >= approval.Needs || vote.BrokeGlass
	var err error
	switch {
	case !vote.Agrees && ahead:
		event.Kind = EventRejected
		err = closeApproval(ctx, tx, approval, ApprovalRejected)
	case !vote.Agrees:
		event.Kind = EventRejected
		step.State, step.Detail = StepRejected, vote.Reason
		err = closeApproval(ctx, tx, approval, ApprovalRejected)
	case enough && ahead:
		err = setApproval(ctx, tx, approval, ApprovalAheadApproved)
	case enough:
		step.State, step.Detail = StepApproved, ""
		err = setApproval(ctx, tx, approval, ApprovalApproved)
	}
	if err != nil {
		return err
	}
	if vote.BrokeGlass {
		event.Kind = EventBrokeGlass
	}
	if err := saveStep(ctx, tx, run, step); err != nil {
		return err
	}
	return addEvent(ctx, tx, event)
}
