package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Decision is what somebody decides, on one change or on several.
type Decision struct {
	Operator string // the id of who decides
	Reason   string // empty where none was given
	Source   string // see [onboarding.Vote]; required
	// Shown reports whether whoever decides was shown every line of a change, nil for no change.
	Shown func(*onboarding.Approval) bool
	// NextWindow has the change wait for the window after the one that is open, if somebody
	// agrees.
	NextWindow bool
	// Code of the second factor of whoever decides, empty where none was given. Digest is that of
	// the change in the form that asked for it: whoever can write to the database could have the
	// request show another one.
	Code   string
	Digest onboarding.Digest
}

// errNoSource means that a caller did not say in what a decision was given.
var errNoSource = errors.New("the decision names no message in which it was given")

// vote is the decision as a vote of nobody yet.
func (d Decision) vote() (onboarding.Vote, error) {
	if d.Source == "" {
		return onboarding.Vote{}, errNoSource
	}
	return onboarding.Vote{Reason: tidyReason(d.Reason), Source: d.Source}, nil
}

// tidyReason is a reason as it is recorded, at most [onboarding.MaxReason] characters of it.
func tidyReason(reason string) string {
	runes := []rune(strings.TrimSpace(reason))
	return string(runes[:min(len(runes), onboarding.MaxReason)])
}

// Approve records that a second operator agrees with a change. It returns
// [onboarding.ErrNotApprover], [onboarding.ErrOwnRequest], [onboarding.ErrNotFound], a
// [onboarding.ConfirmationNeededError] where those who agree have to say why or to be shown
// everything first, [onboarding.ErrNoWindow], or a [onboarding.DecidedError] for an approval that
// is no longer open.
func (s *Service) Approve(ctx context.Context, approval uuid.UUID, given Decision) error {
	return s.decide(ctx, approval, given, onboarding.Vote{Agrees: true})
}

// Reject records that a second operator does not agree, and why. It returns the errors of
// [Service.Approve]; a rejection always needs a reason.
func (s *Service) Reject(ctx context.Context, approval uuid.UUID, given Decision) error {
	return s.decide(ctx, approval, given, onboarding.Vote{})
}

// BreakGlass lets an operator approve a change alone, their own request included, when the
// configuration allows it: with a reason, under its own name in the audit trail. It returns
// [onboarding.ErrNoGlass] when it is switched off, [onboarding.ErrNotOperator], a
// [onboarding.ConfirmationNeededError], or a [onboarding.DecidedError].
func (s *Service) BreakGlass(ctx context.Context, approval uuid.UUID, given Decision) error {
	return s.decide(ctx, approval, given, onboarding.Vote{Agrees: true, BrokeGlass: true})
}

// MayDecide returns nil if this operator may decide on changes of an active run, and the errors
// of [Service.Approve] otherwise.
func (s *Service) MayDecide(ctx context.Context, run *onboarding.Run, operator string) error {
	permissions, err := s.deps.Directory.Permissions(ctx, operator)
	if err != nil {
		return fmt.Errorf("approver: %w", err)
	}
	if run.State != onboarding.RunActive {
		return onboarding.ErrRunEnded
	}
	return permissions.MayDecide(run)
}

// decide adds a vote to an approval. It records in the audit trail if somebody may not decide.
func (s *Service) decide(ctx context.Context, id uuid.UUID, given Decision, kind onboarding.Vote) error {
	err := given.count(ctx, s, id, kind)
	wrong, ok := errors.AsType[*onboarding.CodeError](err)
	if ok && given.Code != "" && !wrong.JustLocked || isRefusal(err) {
		return Press{Approval: id, Operator: given.Operator}.Refused(ctx, s, err)
	}
	return err
}

// isRefusal reports whether somebody may not decide, or not alone.
func isRefusal(err error) bool {
	_, refused := errors.AsType[*onboarding.PermissionError](err)
	return refused || errors.Is(err, onboarding.ErrOwnRequest) || errors.Is(err, onboarding.ErrNoGlass) ||
		errors.Is(err, onboarding.ErrOtherChange)
}

// count adds a vote to an approval. Who votes is looked up once and before the transaction, since
// it may take a call to the chat side; whether they may and whether the approval can still be
// decided is judged within it.
func (d Decision) count(ctx context.Context, s *Service, id uuid.UUID, kind onboarding.Vote) error {
	vote, err := d.vote()
	if err != nil {
		return err
	}
	if kind.BrokeGlass && !s.policy.BreakGlass {
		return onboarding.ErrNoGlass
	}
	permissions, err := s.deps.Directory.PermissionsNow(ctx, d.Operator)
	if err != nil {
		return fmt.Errorf("approver: %w", err)
	}
	vote.By, vote.Agrees, vote.BrokeGlass = permissions.Operator, kind.Agrees, kind.BrokeGlass
	if d.Code != "" {
		if err := d.confirm(ctx, s, id, vote.By); err != nil {
			return err
		}
		vote.Confirmed = onboarding.ConfirmTOTP
	}
	var decided uuid.UUID
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		run, approval, err := store.LockApproval(ctx, tx, id)
		if err != nil {
			return err
		}
		if vote.BrokeGlass {
			err = permissions.MayOperate()
		} else {
			err = permissions.MayDecideOn(approval, run, time.Now())
		}
		if err != nil {
			return err
		}
		if err := approval.DecidableBy(vote.By.ID, run, time.Now()); err != nil {
			return err
		}
		if d.Code != "" && d.Digest != approval.Digest {
			return onboarding.ErrOtherChange
		}
		ballot := &ballot{service: s, run: run, approval: approval, vote: vote, nextWindow: d.NextWindow}
		if err := ballot.confirmed(d); err != nil {
			return err
		}
		if err := ballot.cast(ctx, tx); err != nil {
			return err
		}
		decided = run.ID
		return s.announce(ctx, tx, run.ID)
	})
	if err == nil {
		s.deps.Engine.Nudge(decided)
	}
	return orNotReady(ctx, s.deps.SecondFactor, d.Operator, err)
}

// orNotReady returns why an operator can give no code where an error says that one is missing, and
// otherwise the error.
func orNotReady(ctx context.Context, factor onboarding.SecondFactor, operator string, err error) error {
	if needed, ok := errors.AsType[*onboarding.ConfirmationNeededError](err); ok && needed.Code {
		if notReady := factor.Ready(ctx, operator); notReady != nil {
			return notReady
		}
	}
	return err
}

// lacksCode reports whether a vote was given without the code that the request or the rule of
// today asks for.
func lacksCode(given, request, today onboarding.Confirm) bool {
	return given != onboarding.ConfirmTOTP && (request == onboarding.ConfirmTOTP || today == onboarding.ConfirmTOTP)
}

// confirm uses up the code that somebody gave. When it locks them out, that is in the audit trail
// and in the thread of the run. It is a transaction of its own: a code counts once, whether the
// vote counts or not.
func (d Decision) confirm(ctx context.Context, s *Service, approval uuid.UUID, by onboarding.Operator) error {
	err := s.deps.SecondFactor.Confirm(ctx, d.Operator, d.Code)
	wrong, ok := errors.AsType[*onboarding.CodeError](err)
	if !ok {
		return err
	}
	s.log.WarnContext(ctx, "a code of a second factor did not count", "operator", d.Operator, "approval", approval,
		"reason", wrong.Reason, "left", wrong.Left)
	if !wrong.JustLocked {
		return err
	}
	asked, notFound := s.Records.Approval(ctx, approval)
	if notFound != nil {
		return errors.Join(err, notFound)
	}
	return errors.Join(err, s.change(ctx, asked.RunID, func(tx pgx.Tx, _ *onboarding.Run) error {
		return store.On(tx).AddEvent(ctx, onboarding.Event{RunID: asked.RunID, Kind: onboarding.EventLockedOut,
			Step: asked.Step, Actor: by, Approval: asked.ID, Digest: asked.Digest})
	}))
}

// ballot is one vote on one approval of a run that the transaction has locked.
type ballot struct {
	service  *Service
	run      *onboarding.Run
	approval *onboarding.Approval
	vote     onboarding.Vote
	// nextWindow has the change wait for the window after the one that is open.
	nextWindow bool
}

// confirmed returns a [onboarding.ConfirmationNeededError] if something is missing before the vote
// counts.
func (b *ballot) confirmed(given Decision) error {
	missing := &onboarding.ConfirmationNeededError{Approval: b.approval}
	missing.Reason = b.vote.Reason == "" && (b.approval.ReasonNeeded || !b.vote.Agrees || b.vote.BrokeGlass)
	rule := b.service.policy.Rule(b.approval.Step.Kind())
	missing.Code = b.vote.Agrees && lacksCode(b.vote.Confirmed, b.approval.Confirm, rule.Confirm)
	whole := (b.vote.BrokeGlass || b.approval.NeedsWhole(b.run)) && (given.Shown == nil || !given.Shown(b.approval))
	missing.Whole = b.vote.Agrees && (whole || missing.Code)
	if !missing.Reason && !missing.Whole && !missing.Code {
		return nil
	}
	if step := b.run.Step(b.approval.Step); step != nil {
		missing.Step = step.Definition
	}
	return missing
}

// cast counts the vote. The approval is open, or was shown before its step's turn.
func (b *ballot) cast(ctx context.Context, tx pgx.Tx) error {
	step := b.run.Step(b.approval.Step)
	if step == nil || !b.ahead() && step.State != onboarding.StepAsking {
		return fmt.Errorf("approval %s asks for no step that waits for it: %w", b.approval.ID, onboarding.ErrNotFound)
	}
	b.vote.At = time.Now().UTC().Truncate(time.Microsecond)
	if b.vote.Agrees && !b.vote.BrokeGlass {
		opens, err := b.wait(b.vote.At)
		if err != nil {
			return err
		}
		b.vote.NotBefore = opens.UTC().Truncate(time.Microsecond)
	}
	b.vote.Signature = b.service.deps.SecondFactor.Sign(b.approval, b.vote)
	if err := store.InsertVote(ctx, tx, b.approval, b.vote); err != nil {
		return err
	}
	if err := b.decide(ctx, tx, step); err != nil {
		return err
	}
	if err := store.On(tx).SaveStep(ctx, b.run.ID, step); err != nil {
		return err
	}
	return store.On(tx).AddEvent(ctx, onboarding.Event{RunID: b.run.ID, Kind: b.event(), Step: step.Key,
		Actor: b.vote.By, Text: b.vote.Reason, Approval: b.approval.ID, Digest: b.approval.Digest})
}

// ahead reports whether the approval was shown before its step's turn.
func (b *ballot) ahead() bool {
	return b.approval.State == onboarding.ApprovalAhead || b.approval.State == onboarding.ApprovalAheadApproved
}

// decide closes or grants the approval if the vote decides it, and sets the state of the step
// whose turn it is.
func (b *ballot) decide(ctx context.Context, tx pgx.Tx, step *onboarding.Step) error {
	ahead := b.ahead()
	if !b.vote.Agrees {
		if !ahead {
			step.State, step.Detail = onboarding.StepRejected, b.vote.Reason
		}
		return store.On(tx).CloseApproval(ctx, b.approval, onboarding.ApprovalRejected)
	}
	if len(b.approval.Approvers()) < b.approval.Needs && !b.vote.BrokeGlass {
		return nil
	}
	if ahead {
		return store.On(tx).SetApprovalState(ctx, b.approval, onboarding.ApprovalAheadApproved)
	}
	step.State, step.Detail = onboarding.StepApproved, ""
	return store.On(tx).SetApprovalState(ctx, b.approval, onboarding.ApprovalApproved)
}

func (b *ballot) event() onboarding.EventKind {
	switch {
	case b.vote.BrokeGlass:
		return onboarding.EventBrokeGlass
	case b.vote.Agrees:
		return onboarding.EventApproved
	}
	return onboarding.EventRejected
}
