package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/reconnect"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/risk"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// RiskNotifier is told of every change of a request to accept a risk, inside the transaction that
// makes the change: it must only write rows there.
type RiskNotifier interface {
	RiskChanged(ctx context.Context, tx pgx.Tx, request *risk.Request) error
}

// RiskDependencies are what [Risks] work with. None may be nil.
type RiskDependencies struct {
	Directory    onboarding.Directory
	SecondFactor onboarding.SecondFactor
	Notifier     RiskNotifier
	Log          *slog.Logger
}

// Risks is what operators can do about the risks that reports on isolation name: one asks to
// accept a risk, and others decide. It is safe for concurrent use.
type Risks struct {
	deps   RiskDependencies
	pool   reconnect.Pool
	policy onboarding.Policy
}

// NewRisks returns the risks in the bot's own database, see [New]. The policy's rule for
// [risk.Kind] says what accepting one takes.
func NewRisks(pool *pgxpool.Pool, dependencies RiskDependencies, policy onboarding.Policy) *Risks {
	policy.Defaults()
	return &Risks{deps: dependencies, pool: reconnect.Pool{Pool: pool}, policy: policy}
}

// Ask asks other operators to accept a risk. The caller sets what the report says, where it is,
// and what the operator typed. It returns a [onboarding.PermissionError],
// [onboarding.ErrNoReason], a [risk.UntilError], or a [risk.DecidedError] about a request for the
// same risk that is open or accepted.
func (s *Risks) Ask(ctx context.Context, asked *risk.Request, given Decision) error {
	if given.Source == "" {
		return errNoSource
	}
	permissions, err := s.deps.Directory.PermissionsNow(ctx, given.Operator)
	if err != nil {
		return fmt.Errorf("who asks to accept a risk: %w", err)
	}
	if err := permissions.MayOperate(); err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	if asked.Reason = tidyReason(given.Reason); asked.Reason == "" {
		return onboarding.ErrNoReason
	}
	if err := risk.CheckUntil(asked.Until, now); err != nil {
		return err
	}
	if asked.Object == "" || asked.Definition == "" {
		return fmt.Errorf("a risk without an object or a definition: %w", onboarding.ErrNotFound)
	}
	if asked.ID, err = uuid.NewV7(); err != nil {
		return err
	}
	rule := s.policy.Rule(risk.Kind)
	asked.By, asked.Source, asked.Asked, asked.Expires = permissions.Operator, given.Source, now,
		now.Add(s.policy.ApprovalLife)
	asked.Needs, asked.Confirm = rule.Approvers, rule.Confirm
	asked.Signature = s.deps.SecondFactor.SignValues(asked.Signed()...)
	return s.change(ctx, func(tx pgx.Tx) (*risk.Request, error) {
		others, err := store.RisksLike(ctx, tx, asked)
		if err != nil {
			return nil, err
		}
		for _, other := range others {
			state, _ := other.State(now)
			if state == risk.Open || state == risk.Accepted && s.counts(ctx, other) {
				return nil, &risk.DecidedError{Request: other, State: state}
			}
		}
		return asked, store.InsertRisk(ctx, tx, asked)
	})
}

// Act does something about a request to accept a risk. It returns what [risk.Request.Allows] does,
// a [onboarding.ConfirmationNeededError] without an approval where a reason or a code is missing,
// a [onboarding.CodeError], [onboarding.ErrOtherChange] for a request that the bot did not sign,
// or [onboarding.ErrNotFound]. Who may not decide is in the audit trail.
func (s *Risks) Act(ctx context.Context, id uuid.UUID, act risk.Act, given Decision) error {
	if given.Source == "" {
		return errNoSource
	}
	permissions, err := s.deps.Directory.PermissionsNow(ctx, given.Operator)
	if err != nil {
		return fmt.Errorf("who decides on a risk: %w", err)
	}
	vote := risk.Vote{Act: act, By: permissions.Operator, Reason: tidyReason(given.Reason),
		Source: given.Source, At: time.Now().UTC().Truncate(time.Microsecond)}
	if given.Code != "" {
		if err := s.deps.SecondFactor.Confirm(ctx, given.Operator, given.Code); err != nil {
			return s.recordCode(ctx, id, vote.By, err)
		}
		vote.Confirmed = onboarding.ConfirmTOTP
	}
	err = s.change(ctx, func(tx pgx.Tx) (*risk.Request, error) {
		request, err := store.LoadRisk(ctx, tx, id)
		if err == nil {
			err = request.Allows(act, permissions, vote.At)
		}
		if err == nil {
			err = s.confirmed(request, vote)
		}
		if err != nil {
			return nil, err
		}
		vote.Signature = s.deps.SecondFactor.SignValues(vote.Signed(request)...)
		return request, store.InsertRiskVote(ctx, tx, request, vote)
	})
	err = orNotReady(ctx, s.deps.SecondFactor, given.Operator, err)
	if isRefusal(err) {
		return errors.Join(err, s.record(ctx, onboarding.EventRefused, permissions.Operator,
			fmt.Sprintf("%s risk %s: %s", act, id, err)))
	}
	return err
}

// confirmed returns what is missing before the vote counts.
func (s *Risks) confirmed(request *risk.Request, vote risk.Vote) error {
	if vote.Act == risk.Withdraw {
		return nil
	}
	if !s.signed(request.Signature, request.Signed()) {
		return onboarding.ErrOtherChange
	}
	rule := s.policy.Rule(risk.Kind)
	accepts := vote.Act == risk.Accept
	missing := &onboarding.ConfirmationNeededError{
		Reason: vote.Reason == "" && (!accepts || rule.Reason),
		Code:   accepts && lacksCode(vote.Confirmed, request.Confirm, rule.Confirm),
	}
	if missing.Reason || missing.Code {
		return missing
	}
	return nil
}

// Request reads a request to accept a risk. It returns [onboarding.ErrNotFound].
func (s *Risks) Request(ctx context.Context, id uuid.UUID) (*risk.Request, error) {
	return store.LoadRisk(ctx, s.pool, id)
}

// WaitingFor returns the requests that somebody can decide now, oldest first.
func (s *Risks) WaitingFor(ctx context.Context, operator string) ([]*risk.Request, error) {
	now := time.Now()
	requests, err := store.RisksExpiringAfter(ctx, s.pool, now)
	if err != nil || len(requests) == 0 {
		return nil, err
	}
	permissions, err := s.deps.Directory.Permissions(ctx, operator)
	if err != nil {
		return nil, fmt.Errorf("operator: %w", err)
	}
	return slices.DeleteFunc(requests, func(r *risk.Request) bool {
		return r.Allows(risk.Accept, permissions, now) != nil
	}), nil
}

// overShown is how long after the last day of an accepted risk reports say that it was accepted.
const overShown = 30 * 24 * time.Hour

// Accepted returns the requests that are accepted now, and those whose last day has passed lately.
// With a key of the second factor, what the bot did not sign does not count.
func (s *Risks) Accepted(ctx context.Context) ([]*risk.Request, error) {
	now := time.Now()
	requests, err := store.RisksVotedOn(ctx, s.pool, now.Add(-overShown).UTC().Format(time.DateOnly))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(requests, func(r *risk.Request) bool {
		state, _ := r.State(now)
		return state != risk.Accepted && state != risk.Over || !s.counts(ctx, r)
	}), nil
}

// counts reports whether the bot signed a request that is accepted and the votes of those who did.
func (s *Risks) counts(ctx context.Context, request *risk.Request) bool {
	unsigned := !s.signed(request.Signature, request.Signed()) ||
		slices.ContainsFunc(request.Votes, func(vote risk.Vote) bool {
			return vote.Act == risk.Accept && !s.signed(vote.Signature, vote.Signed(request))
		})
	if unsigned {
		s.deps.Log.WarnContext(ctx, "an accepted risk does not count: the bot did not sign it, or signed it with "+
			"another second_factor.key", "risk", request.ID, "object", request.Object)
	}
	return !unsigned
}

// signed reports whether a signature is the bot's. It is where nothing is signed.
func (s *Risks) signed(signature []byte, values []any) bool {
	return onboarding.Signed(s.deps.SecondFactor, signature, values)
}

// change changes a request in a transaction, which excludes others, and tells the notifier.
func (s *Risks) change(ctx context.Context, change func(pgx.Tx) (*risk.Request, error)) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := store.LockRisks(ctx, tx); err != nil {
			return err
		}
		request, err := change(tx)
		if err != nil {
			return err
		}
		return s.deps.Notifier.RiskChanged(ctx, tx, request)
	})
}

// recordCode records that a code did not count, and returns why it did not.
func (s *Risks) recordCode(ctx context.Context, id uuid.UUID, by onboarding.Operator, err error) error {
	wrong, ok := errors.AsType[*onboarding.CodeError](err)
	if !ok {
		return err
	}
	kind := onboarding.EventRefused
	if wrong.JustLocked {
		kind = onboarding.EventLockedOut
	}
	return errors.Join(err, s.record(ctx, kind, by, fmt.Sprintf("accept risk %s: %s", id, wrong)))
}

// record adds an event that is about no run to the audit trail.
func (s *Risks) record(ctx context.Context, kind onboarding.EventKind, by onboarding.Operator, text string) error {
	return store.On(s.pool).AddEvent(ctx, onboarding.Event{Kind: kind, Actor: by, Text: text})
}
