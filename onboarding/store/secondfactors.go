package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// The codes that were used stay used when somebody is unlocked.
	saveSecondFactor = `INSERT INTO second_factors (operator, sealed) VALUES ($1, $2)
		ON CONFLICT (operator) DO UPDATE SET sealed = excluded.sealed, failures = 0, enrolled_at = clock_timestamp()`
	selectSecondFactor = `SELECT sealed, last_counter, failures FROM second_factors WHERE operator = $1`
	trySecondFactor    = `UPDATE second_factors SET failures = least(failures, $2) + 1 WHERE operator = $1
		RETURNING failures`
	useSecondFactor = `UPDATE second_factors SET failures = 0, last_counter = $2
		WHERE operator = $1 AND last_counter < $2`
	deleteSecondFactor = `DELETE FROM second_factors WHERE operator = $1`
)

// SecondFactors keeps the operators' second factors. What is secret in them is encrypted.
type SecondFactors struct{ db *pgxpool.Pool }

// NewSecondFactors returns the second factors in the bot's own database, whose connections must
// have its schema as their search path.
func NewSecondFactors(pool *pgxpool.Pool) *SecondFactors { return &SecondFactors{db: pool} }

// SecondFactorRow is the second factor of one operator.
type SecondFactorRow struct {
	Sealed      []byte
	LastCounter int64 // of the newest code that was used
	Failures    int   // wrong codes since the last right one
}

// Save keeps a second factor in place of the one before, with no failures.
func (s *SecondFactors) Save(ctx context.Context, operator string, sealed []byte) error {
	return s.exec(ctx, operator, saveSecondFactor, operator, sealed)
}

// Get returns the second factor of an operator, nil if there is none.
func (s *SecondFactors) Get(ctx context.Context, operator string) (*SecondFactorRow, error) {
	row := new(SecondFactorRow)
	err := s.db.QueryRow(ctx, selectSecondFactor, operator).Scan(&row.Sealed, &row.LastCounter, &row.Failures)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("second factor of %s: %w", operator, err)
	}
	return row, nil
}

// Try counts a try as failed, which Use takes back, and returns how many failures there are now.
// It counts no further than one above the most.
func (s *SecondFactors) Try(ctx context.Context, operator string, most int) (failures int, err error) {
	if err := s.db.QueryRow(ctx, trySecondFactor, operator, most).Scan(&failures); err != nil {
		return 0, fmt.Errorf("second factor of %s: %w", operator, err)
	}
	return failures, nil
}

// Use records that a code was used, and reports false if it or a newer one was used before.
func (s *SecondFactors) Use(ctx context.Context, operator string, counter int64) (bool, error) {
	tag, err := s.db.Exec(ctx, useSecondFactor, operator, counter)
	if err != nil {
		return false, fmt.Errorf("second factor of %s: %w", operator, err)
	}
	return tag.RowsAffected() == 1, nil
}

// Delete forgets a second factor. It returns [onboarding.ErrNotFound].
func (s *SecondFactors) Delete(ctx context.Context, operator string) error {
	return s.exec(ctx, operator, deleteSecondFactor, operator)
}

func (s *SecondFactors) exec(ctx context.Context, operator, sql string, args ...any) error {
	tag, err := s.db.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		err = onboarding.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("second factor of %s: %w", operator, err)
	}
	return nil
}
