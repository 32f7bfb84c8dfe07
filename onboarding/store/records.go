package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/reconnect"
	"github.com/atlilith/onboardbot/onboarding"
)

// Records answers what there is to see of all runs. It changes nothing, and is safe for
// concurrent use.
type Records struct{ db *pgxpool.Pool }

// NewRecords returns the records in the bot's own database, whose connections must have its
// schema as their search path.
func NewRecords(pool *pgxpool.Pool) *Records { return &Records{db: pool} }

// View reads a run with its history, all at one moment. It returns [onboarding.ErrNotFound].
func (r *Records) View(ctx context.Context, id uuid.UUID) (*onboarding.View, error) {
	var view *onboarding.View
	err := pgx.BeginTxFunc(ctx, reconnect.Pool{Pool: r.db}, snapshot, func(tx pgx.Tx) (err error) {
		view, err = LoadView(ctx, tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return view, nil
}

// LoadView is [Records.View] within a transaction of the caller.
func LoadView(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*onboarding.View, error) {
	run, err := On(tx).LoadRun(ctx, id)
	if err != nil {
		return nil, err
	}
	view := &onboarding.View{Run: run}
	if view.Approvals, err = queryApprovals(ctx, tx, approvalsOfRun, id); err != nil {
		return nil, err
	}
	if view.Attempts, err = loadAttempts(ctx, tx, id); err != nil {
		return nil, err
	}
	if view.Events, err = loadEvents(ctx, tx, id); err != nil {
		return nil, err
	}
	if view.Freeze, err = On(tx).Frozen(ctx); err != nil {
		return nil, err
	}
	if view.Absences, err = AbsencesSince(ctx, tx, run.Created); err != nil {
		return nil, err
	}
	head, err := On(tx).HeadOf(ctx, id)
	if err != nil {
		return nil, err
	}
	view.Head = head.Short()
	return view, nil
}

// Approval reads one approval. It returns [onboarding.ErrNotFound].
func (r *Records) Approval(ctx context.Context, id uuid.UUID) (*onboarding.Approval, error) {
	return On(r.db).LoadApproval(ctx, id)
}

// Runs returns the runs with these ids, by id. Ids of no run are left out.
func (r *Records) Runs(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]*onboarding.Run, error) {
	runs, err := queryRuns(ctx, r.db, runsByID, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]*onboarding.Run, len(runs))
	for _, run := range runs {
		found[run.ID] = run
	}
	return found, nil
}

// Latest returns the newest run of a slug, active or not, renewals aside. It returns
// [onboarding.ErrNotFound].
func (r *Records) Latest(ctx context.Context, slug string) (*onboarding.Run, error) {
	runs, err := queryRuns(ctx, r.db, newestOfSlug, slug)
	return found("run of "+slug, runs, err)
}

// Onboarding returns the newest onboarding of a slug, active or not. It returns
// [onboarding.ErrNotFound].
func (r *Records) Onboarding(ctx context.Context, slug string) (*onboarding.Run, error) {
	runs, err := queryRuns(ctx, r.db, newestOnboarding, slug)
	return found("run of "+slug, runs, err)
}

// List returns the active runs, then those that ended, newest first.
func (r *Records) List(ctx context.Context, limit int) ([]*onboarding.Run, error) {
	return queryRuns(ctx, r.db, newestRuns, limit)
}

// History returns every run of a slug, oldest first.
func (r *Records) History(ctx context.Context, slug string) ([]*onboarding.Run, error) {
	return queryRuns(ctx, r.db, runsOfSlug, slug)
}

// Renewals returns the renewals that are under way.
func (r *Records) Renewals(ctx context.Context) ([]*onboarding.Run, error) {
	return queryRuns(ctx, r.db, activeRenewals)
}

// Frozen returns the freeze that holds now, nil if none does.
func (r *Records) Frozen(ctx context.Context) (*onboarding.Freeze, error) {
	return On(r.db).Frozen(ctx)
}

// Log returns everything that an attempt printed. It returns [onboarding.ErrNotFound].
func (r *Records) Log(ctx context.Context, attempt uuid.UUID) (string, error) {
	return AttemptLog(ctx, r.db, attempt)
}

// AttemptLog is [Records.Log] on a connection of the caller.
func AttemptLog(ctx context.Context, db DB, attempt uuid.UUID) (string, error) {
	var log string
	err := db.QueryRow(ctx, attemptLog, attempt).Scan(&log)
	if errors.Is(err, pgx.ErrNoRows) {
		err = onboarding.ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("log of attempt %s: %w", attempt, err)
	}
	return log, nil
}
