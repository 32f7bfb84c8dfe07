package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	selectFreeze = `SELECT reason, frozen_by, frozen_at FROM freezes WHERE thawed_at IS NULL`
	insertFreeze = `INSERT INTO freezes (reason, frozen_by) VALUES ($1, $2)`
	// Every approved step is held while a freeze holds.
	approvedRunOf = `SELECT id, slug FROM runs WHERE state = 'active' AND requester->>'id' = $1 AND EXISTS (
		SELECT FROM steps WHERE run_id = runs.id AND steps.state = 'approved') ORDER BY created_at LIMIT 1`
	thaw = `UPDATE freezes SET thawed_at = clock_timestamp(), thawed_by = $1 WHERE thawed_at IS NULL`
)

// Frozen returns the freeze that holds now, nil if none does.
func (s Statements) Frozen(ctx context.Context) (*onboarding.Freeze, error) {
	freeze := new(onboarding.Freeze)
	err := s.db.QueryRow(ctx, selectFreeze).Scan(&freeze.Reason, &freeze.By, &freeze.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("freeze: %w", err)
	}
	return freeze, nil
}

// InsertFreeze begins a freeze. It returns [onboarding.ErrFrozen] when one holds already.
func InsertFreeze(ctx context.Context, db DB, by onboarding.Operator, reason string) error {
	_, err := db.Exec(ctx, insertFreeze, reason, by)
	if Violates(err) == OneFreeze {
		return onboarding.ErrFrozen
	}
	return err
}

// Thaw ends the freeze. It returns [onboarding.ErrNotFrozen] when none holds.
func Thaw(ctx context.Context, db DB, by onboarding.Operator) error {
	tag, err := db.Exec(ctx, thaw, by)
	if err == nil && tag.RowsAffected() == 0 {
		return onboarding.ErrNotFrozen
	}
	return err
}

// HeldRun returns a [onboarding.HeldRunError] if an active run of this requester has approved
// steps.
func HeldRun(ctx context.Context, db DB, requester string) error {
	held := new(onboarding.HeldRunError)
	err := db.QueryRow(ctx, approvedRunOf, requester).Scan(&held.Run, &held.Slug)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("approved runs: %w", err)
	}
	return held
}
