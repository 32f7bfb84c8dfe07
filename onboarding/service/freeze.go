package service

import (
	"context"
	"errors"
	"fmt"

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

// Thaw lets destructive steps go on. It returns [onboarding.ErrNotOperator],
// [onboarding.ErrNotFrozen] when nothing holds them, or a [onboarding.HeldRunError] for the
// requester of a run that has approved changes: somebody else decides when these go on.
func (s *Service) Thaw(ctx context.Context, operator string) error {
	permissions, err := s.deps.Directory.PermissionsNow(ctx, operator)
	if err != nil {
		return fmt.Errorf("operator: %w", err)
	}
	if err := permissions.MayOperate(); err != nil {
		return err
	}
	actor := permissions.Operator
	err = s.changeEveryRun(ctx, func(tx pgx.Tx) error {
		if err := store.Thaw(ctx, tx, actor); err != nil {
			return err
		}
		return store.HeldRun(ctx, tx, actor.ID)
	})
	if held, ok := errors.AsType[*onboarding.HeldRunError](err); ok {
		return errors.Join(err, store.AddEventOnce(ctx, s.pool, onboarding.Event{RunID: held.Run,
			Kind: onboarding.EventRefused, Actor: actor, Text: err.Error()}))
	}
	return err
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
