package onboarding

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// View is everything there is to show about a run, read at one moment.
type View struct {
	*Run
	Approvals []*Approval // oldest first
	Attempts  []*Attempt  // oldest first
	Events    []Event     // oldest first
}

// View reads a run with its history. It returns [ErrNotFound].
func (s *Service) View(ctx context.Context, id uuid.UUID) (*View, error) {
	view := new(View)
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if view.Run, err = loadRun(ctx, tx, id); err != nil {
			return err
		}
		if view.Approvals, err = approvalsWhere(ctx, tx, `run_id = $1`, id); err != nil {
			return err
		}
		if view.Attempts, err = loadAttempts(ctx, tx, id); err != nil {
			return err
		}
		view.Events, err = loadEvents(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return view, nil
}

// Approval returns one of the view's approvals, nil if it has none with this id.
func (v *View) Approval(id uuid.UUID) *Approval {
	for _, approval := range v.Approvals {
		if approval.ID == id {
			return approval
		}
	}
	return nil
}

// Approval reads one approval. It returns [ErrNotFound].
func (s *Service) Approval(ctx context.Context, id uuid.UUID) (*Approval, error) {
	return loadApproval(ctx, s.pool, id)
}

// Latest returns the newest run of a slug, active or not, renewals aside. It returns [ErrNotFound].
func (s *Service) Latest(ctx context.Context, slug string) (*Run, error) {
	runs, err := s.runsWhere(ctx, s.pool, `slug = $1 AND kind <> 'renew' ORDER BY (state = 'active') DESC, created_at DESC LIMIT 1`, slug)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("run of %s: %w", slug, ErrNotFound)
	}
	return runs[0], nil
}

// List returns the active runs, then those that ended, newest first.
func (s *Service) List(ctx context.Context, limit int) ([]*Run, error) {
	return s.runsWhere(ctx, s.pool, `true ORDER BY (state = 'active') DESC, created_at DESC LIMIT $1`, limit)
}

// Log returns everything that an attempt printed. It returns [ErrNotFound].
func (s *Service) Log(ctx context.Context, attempt uuid.UUID) (string, error) {
	return attemptLog(ctx, s.pool, attempt)
}

// runsWhere reads runs with their steps. The condition is a constant of this package.
func (s *Service) runsWhere(ctx context.Context, q querier, condition string, args ...any) ([]*Run, error) {
	rows, err := q.Query(ctx, `SELECT `+runColumns+` FROM runs WHERE `+condition, args...)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	for _, run := range runs {
		if err := loadSteps(ctx, q, run); err != nil {
			return nil, err
		}
	}
	return runs, nil
}
