package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// An onboarding may take several runs: one that is cancelled is taken up by the next. The
// relation "parts" says which runs belong to one onboarding, by the id of its last run. An
// onboarding ends with a run that changed something and went live, or that was taken back.
const (
	parts = `WITH parts AS (
		SELECT last.id AS last, run.id AS run
		FROM runs last
		JOIN runs run ON run.slug = last.slug AND run.kind = 'onboard' AND run.created_at <= last.created_at
		WHERE NOT EXISTS (
			SELECT FROM runs closed
			WHERE closed.slug = last.slug AND closed.kind = 'onboard'
				AND closed.created_at >= run.created_at AND closed.created_at < last.created_at
				AND (closed.state = 'done' AND EXISTS (SELECT FROM attempts WHERE run_id = closed.id)
					OR EXISTS (SELECT FROM runs undo WHERE undo.undoes = closed.id AND undo.state = 'done')))) `

	newestUndoable = parts + selectRuns + ` WHERE slug = $1 AND kind = 'onboard' AND state <> 'active'
		AND EXISTS (SELECT FROM attempts WHERE run_id = runs.id)
		AND NOT EXISTS (
			SELECT FROM runs done JOIN parts ON parts.last = done.undoes
			WHERE done.slug = $1 AND done.kind = 'undo' AND done.state = 'done' AND parts.run = runs.id)
		ORDER BY created_at DESC LIMIT 1`
	everApplied = `SELECT EXISTS (SELECT FROM runs JOIN attempts ON run_id = runs.id
		WHERE slug = $1 AND kind = 'onboard' AND runs.state <> 'active')`
	changingParts = parts + selectRuns + ` WHERE EXISTS (SELECT FROM attempts WHERE run_id = runs.id)
		AND id IN (SELECT run FROM parts WHERE last = $1) ORDER BY created_at DESC`
	appliedApprovals = parts + selectApprovals + ` WHERE run_id IN (SELECT run FROM parts WHERE last = $1)
		AND EXISTS (SELECT FROM attempts WHERE attempts.run_id = approvals.run_id AND approval_id = approvals.id)` +
		oldestFirst

	// undosOf are the undos of the ended onboardings $1. As in the relation "live", an onboarding
	// that found everything there and applied nothing is undone by any later undo.
	undosOf = parts + `SELECT DISTINCT ON (run.id) run.id, undo.id, undo.state, undo.ended_at
		FROM runs run JOIN runs undo ON undo.slug = run.slug AND undo.kind = 'undo'
			AND undo.created_at > run.created_at
			AND (undo.state <> 'cancelled' OR EXISTS (SELECT FROM attempts WHERE run_id = undo.id))
		WHERE run.id = ANY($1) AND (EXISTS (SELECT FROM parts WHERE last = undo.undoes AND parts.run = run.id)
			OR run.state = 'done' AND NOT EXISTS (SELECT FROM attempts WHERE run_id = run.id))
		ORDER BY run.id, undo.created_at DESC`
	partsOf = parts + `SELECT run FROM parts WHERE last = $1`
)

// Undoable returns the last run of the newest onboarding of a slug that no undo took back, with
// the domains of its earlier runs too. It returns [onboarding.ErrNothing] where no run ever
// changed anything, and [onboarding.ErrNotFound] where all of that was taken back.
func (r *Records) Undoable(ctx context.Context, slug string) (*onboarding.Run, error) {
	last, err := first(queryRuns(ctx, r.db, newestUndoable, slug))
	if err != nil {
		return nil, err
	}
	if last == nil {
		var ever bool
		if err := r.db.QueryRow(ctx, everApplied, slug).Scan(&ever); err != nil {
			return nil, fmt.Errorf("runs of %s: %w", slug, err)
		}
		if !ever {
			return nil, fmt.Errorf("runs of %s: %w", slug, onboarding.ErrNothing)
		}
		return nil, fmt.Errorf("runs of %s: %w", slug, onboarding.ErrNotFound)
	}
	runs, err := queryRuns(ctx, r.db, changingParts, last.ID)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		last.Request.AddDomains(run.Request.Domains)
	}
	return last, nil
}

// LoadUndone reads the changes that a run takes back into its [onboarding.Undoes]. It does
// nothing for a run of another kind.
func LoadUndone(ctx context.Context, db DB, run *onboarding.Run) error {
	if run.Undoes == nil {
		return nil
	}
	applied, err := appliedChanges(ctx, db, run.Undoes.Run)
	run.Undoes.Applied = applied
	return err
}

func appliedChanges(ctx context.Context, db DB, last uuid.UUID) ([]onboarding.Applied, error) {
	approvals, err := queryApprovals(ctx, db, appliedApprovals, last)
	if err != nil {
		return nil, fmt.Errorf("changes of run %s: %w", last, err)
	}
	var applied []onboarding.Applied
	for _, approval := range approvals {
		applied = append(applied, onboarding.Applied{Step: approval.Step, Change: approval.Change})
	}
	return applied, nil
}

// loadUndos reads the undo of each onboarding that ended into [onboarding.Run.Undo].
func loadUndos(ctx context.Context, db DB, runs []*onboarding.Run) error {
	ended := map[uuid.UUID]*onboarding.Run{}
	for _, run := range runs {
		if run.Kind == onboarding.KindOnboard && run.State != onboarding.RunActive {
			ended[run.ID] = run
		}
	}
	if len(ended) == 0 {
		return nil
	}
	rows, err := db.Query(ctx, undosOf, slices.Collect(maps.Keys(ended)))
	if err != nil {
		return fmt.Errorf("undos: %w", err)
	}
	var undo onboarding.Undo
	var at *time.Time
	err = forEachOwner(rows, ended, []any{&undo.Run, &undo.State, &at}, func(run *onboarding.Run) {
		found := undo
		found.Ended = orZero(at)
		run.Undo = &found
	})
	if err != nil {
		return fmt.Errorf("undos: %w", err)
	}
	return nil
}

// NotifyUndone tells the notifier of the runs of the onboarding that a run takes back, since they
// show what became of it. It does nothing for a run of another kind.
func NotifyUndone(ctx context.Context, tx pgx.Tx, notifier Notifier, run *onboarding.Run) error {
	ids, err := undone(ctx, tx, run)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := notifier.RunChanged(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

func undone(ctx context.Context, db DB, run *onboarding.Run) ([]uuid.UUID, error) {
	if run.Undoes == nil {
		return nil, nil
	}
	rows, err := db.Query(ctx, partsOf, run.Undoes.Run)
	if err != nil {
		return nil, fmt.Errorf("what run %s takes back: %w", run.ID, err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("what run %s takes back: %w", run.ID, err)
	}
	return ids, nil
}
