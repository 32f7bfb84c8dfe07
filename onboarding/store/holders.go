package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// The clock keeps the number growing where the database was restored to an earlier time.
	nextToken = `UPDATE runs SET fencing_token = greatest(fencing_token + 1,
		(extract(epoch FROM clock_timestamp()) * 1000)::bigint) WHERE id = $1 RETURNING fencing_token`
	standing      = `SELECT fencing_token, state, clock_timestamp() FROM runs WHERE id = $1`
	interruptions = `SELECT id, signature FROM attempts
		WHERE run_id = (SELECT run_id FROM approvals WHERE id = $1) AND approval_id = $1 AND outcome = 'interrupted'`
)

// whoHolds finds the active run whose lock is held by the session that holds another lock.
var whoHolds = `SELECT slug FROM runs WHERE state = 'active' AND EXISTS (` +
	locks.HoldersSQL("$1::bigint") + ` INTERSECT ` +
	locks.HoldersSQL(locks.KeySQL("runs.id::text", "run")) + `) LIMIT 1`

// WhoHolds returns the slug of the run for which a lock is held, empty if it is held for none.
func (s Statements) WhoHolds(ctx context.Context, lock locks.Name) (slug string, err error) {
	key, err := locks.Key(ctx, s.db, lock)
	if err != nil {
		return "", err
	}
	err = s.db.QueryRow(ctx, whoHolds, key).Scan(&slug)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", fmt.Errorf("who holds the lock %s: %w", lock, err)
	}
	return slug, nil
}

// Interruptions returns the ids and signatures of the applications under an approval that were
// interrupted.
func (s Statements) Interruptions(ctx context.Context, approval uuid.UUID) ([]onboarding.Attempt, error) {
	rows, err := s.db.Query(ctx, interruptions, approval)
	if err != nil {
		return nil, fmt.Errorf("attempts under approval %s: %w", approval, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (attempt onboarding.Attempt, err error) {
		return attempt, row.Scan(&attempt.ID, &attempt.Signature)
	})
}

// NextToken gives a run to a new holder, who has its lock: the number is greater than that of
// every holder before. It returns [onboarding.ErrNotFound].
func (s Statements) NextToken(ctx context.Context, run uuid.UUID) (token int64, err error) {
	err = s.db.QueryRow(ctx, nextToken, run).Scan(&token)
	if errors.Is(err, pgx.ErrNoRows) {
		err = onboarding.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("holder of run %s: %w", run, err)
	}
	return token, nil
}

// Standing is a run at one moment, by the clock of the database.
type Standing struct {
	Token int64 // the number of its newest holder
	State onboarding.RunState
	Now   time.Time
}

// StandingOf returns the newest holder and the state of a run. It returns
// [onboarding.ErrNotFound].
func (s Statements) StandingOf(ctx context.Context, run uuid.UUID) (now Standing, err error) {
	err = s.db.QueryRow(ctx, standing, run).Scan(&now.Token, &now.State, &now.Now)
	if errors.Is(err, pgx.ErrNoRows) {
		err = onboarding.ErrNotFound
	}
	if err != nil {
		return now, fmt.Errorf("run %s: %w", run, err)
	}
	return now, nil
}
