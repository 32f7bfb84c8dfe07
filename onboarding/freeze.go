package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Freeze holds every destructive step, of all runs, until it is thawed. What is being applied at that moment ends.
type Freeze struct {
	Reason string
	By     Operator
	At     time.Time
}

// Frozen returns the freeze that holds now, nil if none does.
func (s *Service) Frozen(ctx context.Context) (*Freeze, error) { return frozen(ctx, s.pool) }

func frozen(ctx context.Context, q querier) (*Freeze, error) {
	freeze := new(Freeze)
	err := q.QueryRow(ctx, `SELECT reason, frozen_by, frozen_at FROM freezes WHERE thawed_at IS NULL`).Scan(&freeze.Reason, &freeze.By, &freeze.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("freeze: %w", err)
	}
	return freeze, nil
}

// Freeze holds every destructive step. It returns [ErrNoReason], [ErrNotOperator], or [ErrFrozen] when one holds already.
func (s *Service) Freeze(ctx context.Context, operator, reason string) error {
	if reason = tidyReason(reason); reason == "" {
		return ErrNoReason
	}
	actor, err := s.operator(ctx, operator)
	if err != nil {
		return err
	}
	err = s.everyRun(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO freezes (reason, frozen_by) VALUES ($1, $2)`, reason, actor)
		return err
	})
	if violates(err) == "freezes_one_at_a_time" {
		return ErrFrozen
	}
	return err
}

// Thaw lets destructive steps go on. It returns [ErrNotOperator], or [ErrNotFrozen] when nothing holds them.
func (s *Service) Thaw(ctx context.Context, operator string) error {
	actor, err := s.operator(ctx, operator)
	if err != nil {
		return err
	}
	return s.everyRun(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE freezes SET thawed_at = clock_timestamp(), thawed_by = $1 WHERE thawed_at IS NULL`, actor)
		if err == nil && tag.RowsAffected() == 0 {
			return ErrNotFrozen
		}
		return err
	})
}

// everyRun changes something that concerns all active runs, and lets all of them hear of it.
func (s *Service) everyRun(ctx context.Context, apply func(tx pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := apply(tx); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT id FROM runs WHERE state = 'active' ORDER BY id`)
		if err != nil {
			return fmt.Errorf("active runs: %w", err)
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return fmt.Errorf("active runs: %w", err)
		}
		for _, id := range ids {
			if err := s.announce(ctx, tx, id); err != nil {
				return err
			}
		}
		return nil
	})
}
