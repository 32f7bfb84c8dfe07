// Package service is what operators can do about runs: ask for one, decide on its changes, and
// steer it. What there is to see is read through package store, and package engine advances the
// runs.
//
// Every method finds out first who the operator is, which may take a call to the chat side, and
// only then begins its transaction. It changes a run in one transaction that also wakes the
// engine and tells the [store.Notifier].
package service

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/reconnect"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Dependencies are what the service works with. None may be nil except SecondFactor.
type Dependencies struct {
	Runbook    onboarding.Runbook
	Directory  onboarding.Directory
	Platform   onboarding.Platform
	Repository onboarding.Repository
	Notifier   store.Notifier
	Engine     Waker
	// SecondFactor confirms votes and signs them. Nil: votes are not signed, and no code counts.
	SecondFactor onboarding.SecondFactor
}

// Waker has the engine advance a run.
type Waker interface {
	// Wake has a run advanced once the transaction commits: at a time or, for the zero time, at
	// once.
	Wake(ctx context.Context, tx pgx.Tx, run uuid.UUID, at time.Time) error
	// Nudge spares a run that this process is advancing the way over the database. It is for after
	// the commit, and nothing depends on it.
	Nudge(run uuid.UUID)
}

// Service is what operators can do. It is safe for concurrent use, and any replica can serve any
// call: everything it knows is in the database.
type Service struct {
	// Records is what there is to see, Drafts what was typed and not sent, and Absences who is
	// away.
	Records  *store.Records
	Drafts   *store.Drafts
	Absences *store.Absences
	// Platform is what requests are checked against, for those who fill one in.
	Platform onboarding.Platform

	deps   Dependencies
	pool   reconnect.Pool
	policy onboarding.Policy
	log    *slog.Logger
}

// New returns a service on the bot's own database, whose connections must have the schema of
// [store.Migrate] as their search path.
func New(pool *pgxpool.Pool, dependencies Dependencies, policy onboarding.Policy, log *slog.Logger) (*Service, error) {
	policy.Defaults()
	if err := policy.Validate(); err != nil {
		return nil, err
	}
	if dependencies.SecondFactor == nil {
		dependencies.SecondFactor = onboarding.NoSecondFactor{}
	}
	return &Service{Records: store.NewRecords(pool), Drafts: store.NewDrafts(pool),
		Absences: store.NewAbsences(pool), Platform: dependencies.Platform,
		deps: dependencies, pool: reconnect.Pool{Pool: pool}, policy: policy, log: log}, nil
}

// Operator returns who somebody is, or a [onboarding.PermissionError] of
// [onboarding.ErrNotOperator] when they may do nothing here.
func (s *Service) Operator(ctx context.Context, id string) (onboarding.Operator, error) {
	permissions, err := s.deps.Directory.Permissions(ctx, id)
	if err != nil {
		return onboarding.Operator{}, fmt.Errorf("operator: %w", err)
	}
	if err := permissions.MayOperate(); err != nil {
		return onboarding.Operator{}, err
	}
	return permissions.Operator, nil
}

// WaitingFor returns the open approvals that this operator can decide, oldest first, and those of
// their own runs that need somebody.
func (s *Service) WaitingFor(ctx context.Context, operator string) ([]*onboarding.Approval, []*onboarding.Run, error) {
	permissions, err := s.deps.Directory.Permissions(ctx, operator)
	if err != nil {
		return nil, nil, fmt.Errorf("operator: %w", err)
	}
	var approvals []*onboarding.Approval
	if permissions.Approves || permissions.StandsIn {
		if approvals, err = store.DecidableBy(ctx, s.pool, operator); err != nil {
			return nil, nil, err
		}
	}
	if !permissions.Approves {
		approvals = slices.DeleteFunc(approvals, func(approval *onboarding.Approval) bool {
			return approval.OpenToStandIns(time.Now()) != nil
		})
	}
	runs, err := store.StuckRunsOf(ctx, s.pool, operator)
	return approvals, runs, err
}

// change locks a run, reads it again, changes it, wakes the engine and calls the notifier, all in
// one transaction.
func (s *Service) change(ctx context.Context, id uuid.UUID, change func(tx pgx.Tx, run *onboarding.Run) error) error {
	return store.ChangeRun(ctx, s.pool, id, func(tx pgx.Tx, run *onboarding.Run) error {
		if err := change(tx, run); err != nil {
			return err
		}
		return s.announce(ctx, tx, id)
	})
}

// changeActive is change for what only an active run takes. It returns [onboarding.ErrRunEnded]
// for any other.
func (s *Service) changeActive(
	ctx context.Context, id uuid.UUID, change func(tx pgx.Tx, run *onboarding.Run) error,
) error {
	return s.change(ctx, id, func(tx pgx.Tx, run *onboarding.Run) error {
		if run.State != onboarding.RunActive {
			return onboarding.ErrRunEnded
		}
		return change(tx, run)
	})
}

// announce wakes the engine and calls the notifier, both of which act once the transaction
// commits.
func (s *Service) announce(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if err := s.deps.Engine.Wake(ctx, tx, id, time.Time{}); err != nil {
		return err
	}
	return s.deps.Notifier.RunChanged(ctx, tx, id)
}
