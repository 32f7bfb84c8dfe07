package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	insertAttempt = `INSERT INTO attempts (id, run_id, step, approval_id, signature) VALUES ($1, $2, $3, $4, $5)
		RETURNING started_at`
	interruptAttempts = `UPDATE attempts SET outcome = 'interrupted', finished_at = clock_timestamp()
		WHERE run_id = $1 AND step = $2 AND outcome = 'running'`
	finishAttempt = `UPDATE attempts SET outcome = $2, error = $3, tail = $4, lines = $5, log = $6,
		finished_at = clock_timestamp() WHERE id = $1 AND outcome = 'running'`
	updateProgress = `UPDATE attempts SET tail = $2, lines = $3, log = $4 WHERE id = $1 AND outcome = 'running'`
	attemptsOfRun  = `SELECT id, run_id, step, approval_id, outcome, error, started_at, finished_at, tail, lines
		FROM attempts WHERE run_id = $1 ORDER BY started_at, id`
	attemptLog = `SELECT log FROM attempts WHERE id = $1`
)

// InsertAttempt adds an attempt that begins now, by the database's clock.
func (s Statements) InsertAttempt(ctx context.Context, attempt *onboarding.Attempt) error {
	row := s.db.QueryRow(ctx, insertAttempt, attempt.ID, attempt.RunID, attempt.Step, attempt.Approval,
		attempt.Signature)
	err := row.Scan(&attempt.Started)
	if err != nil {
		return fmt.Errorf("attempt at step %s: %w", attempt.Step, err)
	}
	return nil
}

// InterruptAttempts closes what a dead process left running on a step and reports whether there
// was any.
func (s Statements) InterruptAttempts(ctx context.Context, run uuid.UUID, step onboarding.Key) (bool, error) {
	tag, err := s.db.Exec(ctx, interruptAttempts, run, step)
	if err != nil {
		return false, fmt.Errorf("attempts at step %s: %w", step, err)
	}
	return tag.RowsAffected() > 0, nil
}

// FinishAttempt writes how a running attempt ended and everything that it printed.
func (s Statements) FinishAttempt(ctx context.Context, attempt *onboarding.Attempt, log string) error {
	_, err := s.db.Exec(ctx, finishAttempt, attempt.ID, attempt.Outcome, attempt.Error, attempt.Tail, attempt.Lines,
		log)
	if err != nil {
		return fmt.Errorf("attempt at step %s: %w", attempt.Step, err)
	}
	return nil
}

// SaveProgress writes what a running attempt has printed so far, which stays if it is cut short.
func (s Statements) SaveProgress(ctx context.Context, attempt *onboarding.Attempt, log string) error {
	if _, err := s.db.Exec(ctx, updateProgress, attempt.ID, attempt.Tail, attempt.Lines, log); err != nil {
		return fmt.Errorf("progress of attempt %s: %w", attempt.ID, err)
	}
	return nil
}

func loadAttempts(ctx context.Context, db DB, run uuid.UUID) ([]*onboarding.Attempt, error) {
	rows, err := db.Query(ctx, attemptsOfRun, run)
	if err != nil {
		return nil, fmt.Errorf("attempts of run %s: %w", run, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*onboarding.Attempt, error) {
		attempt := new(onboarding.Attempt)
		var finished *time.Time
		err := row.Scan(&attempt.ID, &attempt.RunID, &attempt.Step, &attempt.Approval, &attempt.Outcome,
			&attempt.Error, &attempt.Started, &finished, &attempt.Tail, &attempt.Lines)
		attempt.Finished = orZero(finished)
		return attempt, err
	})
}
