package service

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Freeze holds every destructive step. It returns [onboarding.ErrNoReason],
// [onboarding.ErrNotOperator], or [onboarding.ErrFrozen] when one holds already.
func (s *Service) Freeze(ctx context.Context, operator, reason string) error {
	if reason = tidyReason(reason); reason == "" {
		return onboarding.ErrNoReason
	}
	actor, err := s.Operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.changeEveryRun(ctx, func(tx pgx.Tx) error { return store.InsertFreeze(ctx, tx, actor, reason) })
}

// Thaw lets destructive steps go on. It returns [onboarding.ErrNotOperator], or
// [onboarding.ErrNotFrozen] when nothing holds them.
func (s *Service) Thaw(ctx context.Context, operator string) error {
	actor, err := s.Operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.changeEveryRun(ctx, func(tx pgx.Tx) error { return store.Thaw(ctx, tx, actor) })
}

// changeEveryRun changes something that concerns all active runs, and announces each of them.
func (s *Service) changeEveryRun(ctx context.Context, change func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		ids, err := store.ActiveRunIDs(ctx, tx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if err := s.announce(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}
