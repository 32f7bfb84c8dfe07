package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	selectRuns = `SELECT id, kind, undoes, delete_certificates, renews, request, requester, channel, tenant_id,
		state, facts, created_at, ended_at, ended_by, EXISTS (SELECT FROM attempts WHERE run_id = runs.id),
		signature FROM runs`

	runByID         = selectRuns + ` WHERE id = $1`
	runsByID        = selectRuns + ` WHERE id = ANY($1)`
	runBySubmission = selectRuns + ` WHERE submission = $1`
	runsOfSlug      = selectRuns + ` WHERE slug = $1 ORDER BY created_at, id`
	newestOfSlug    = selectRuns + ` WHERE slug = $1 AND kind <> 'renew'
		ORDER BY (state = 'active') DESC, created_at DESC LIMIT 1`
	newestOnboarding      = selectRuns + ` WHERE slug = $1 AND kind = 'onboard' ORDER BY created_at DESC LIMIT 1`
	newestEndedOnboarding = selectRuns + ` WHERE slug = $1 AND kind = 'onboard' AND state <> 'active'
		ORDER BY created_at DESC LIMIT 1`
	// A statement for few of many runs finds their ids first: what it reads beside a run would
	// otherwise be read for all.
	newestRuns = selectRuns + ` WHERE id IN (
		SELECT id FROM runs ORDER BY (state = 'active') DESC, created_at DESC LIMIT $1)
		ORDER BY (state = 'active') DESC, created_at DESC`
	activeRenewals = selectRuns + ` WHERE kind = 'renew' AND state = 'active' ORDER BY created_at`
	stuckRunsOf    = selectRuns + ` WHERE state = 'active' AND requester->>'id' = $1 AND EXISTS (
		SELECT FROM steps WHERE run_id = runs.id AND steps.state IN ('failed', 'rejected', 'expired', 'unknown'))
		ORDER BY created_at`

	selectSteps = `SELECT run_id, definition, state, detail, findings, due_at, changed_at FROM steps
		WHERE run_id = ANY($1) ORDER BY run_id, position`
	activeRunIDs = `SELECT id FROM runs WHERE state = 'active' ORDER BY id`
	hasActiveRun = `SELECT EXISTS (SELECT FROM runs WHERE slug = $1 AND state = 'active' AND kind <> 'renew')`
	domainHolder = `SELECT coalesce((SELECT slug FROM runs JOIN run_domains ON run_id = id
		WHERE domain = $1 AND active AND slug <> $2), '')`

	insertRun = `INSERT INTO runs (id, slug, request, requester, channel, tenant_id, submission, kind, undoes,
		delete_certificates, renews, signature) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`
	insertDomain = `INSERT INTO run_domains (run_id, domain) VALUES ($1, $2)`
	insertStep   = `INSERT INTO steps (run_id, key, position, definition) VALUES ($1, $2, $3, $4)`
	lockRun      = `SELECT FROM runs WHERE id = $1 FOR UPDATE`
	updateStep   = `UPDATE steps SET state = $3, detail = $4, findings = $5, due_at = $6,
		changed_at = clock_timestamp() WHERE run_id = $1 AND key = $2`
	updateFacts = `UPDATE runs SET facts = facts || $2 WHERE id = $1 RETURNING facts`
	endRun      = `UPDATE runs SET state = $2, ended_at = clock_timestamp(), ended_by = $3 WHERE id = $1`
	freeDomains = `UPDATE run_domains SET active = false WHERE run_id = $1`
)

// InsertRun adds a run with its domains and steps. What stands in its way is told by [Violates].
func InsertRun(ctx context.Context, db DB, run *onboarding.Run, submission string) error {
	request, err := json.Marshal(run.Request)
	if err != nil {
		return err
	}
	var undoes *uuid.UUID
	deletes := false
	if run.Undoes != nil {
		undoes, deletes = &run.Undoes.Run, run.Undoes.DeleteCertificates
	}
	_, err = db.Exec(ctx, insertRun, run.ID, run.Request.Slug, request, run.Requester, run.Channel, run.TenantID,
		submission, run.Kind, undoes, deletes, orNull(run.Renews), run.Signature)
	if err != nil {
		return err
	}
	for _, domain := range run.Request.Domains {
		if _, err := db.Exec(ctx, insertDomain, run.ID, domain.Name); err != nil {
			return err
		}
	}
	for i, step := range run.Steps {
		if _, err := db.Exec(ctx, insertStep, run.ID, step.Key, i, step.Definition); err != nil {
			return err
		}
	}
	return nil
}

// LockRun makes the transaction the only one that changes this run until it ends, and reads the
// run.
func LockRun(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*onboarding.Run, error) {
	batch := new(pgx.Batch)
	batch.Queue(lockRun, id) // what follows sees what was committed before
	return loadRun(ctx, tx, id, batch)
}

// LoadRun reads a run with its steps and with what it takes back. It returns
// [onboarding.ErrNotFound].
func (s Statements) LoadRun(ctx context.Context, id uuid.UUID) (*onboarding.Run, error) {
	return loadRun(ctx, s.db, id, new(pgx.Batch))
}

// loadRun is LoadRun after the statements of a batch, in the same round trip.
func loadRun(ctx context.Context, db DB, id uuid.UUID, batch *pgx.Batch) (*onboarding.Run, error) {
	var runs []*onboarding.Run
	batch.Queue(runByID, id).Query(func(rows pgx.Rows) (err error) {
		runs, err = pgx.CollectRows(rows, scanRun)
		return err
	})
	batch.Queue(selectSteps, []uuid.UUID{id}).Query(func(rows pgx.Rows) error { return scanSteps(rows, runs) })
	err := db.SendBatch(ctx, batch).Close()
	run, err := found(fmt.Sprintf("run %s", id), runs, err)
	if err != nil {
		return nil, err
	}
	if err := loadUndos(ctx, db, runs); err != nil {
		return nil, err
	}
	return run, LoadUndone(ctx, db, run)
}

// RunBySubmission returns the run that a submission began, nil if it began none.
func RunBySubmission(ctx context.Context, db DB, submission string) (*onboarding.Run, error) {
	return first(queryRuns(ctx, db, runBySubmission, submission))
}

// NewestEndedOnboarding returns the newest onboarding of a slug that has ended, nil if there is
// none.
func NewestEndedOnboarding(ctx context.Context, db DB, slug string) (*onboarding.Run, error) {
	return first(queryRuns(ctx, db, newestEndedOnboarding, slug))
}

// StuckRunsOf returns the active runs of a requester that need somebody, oldest first.
func StuckRunsOf(ctx context.Context, db DB, operator string) ([]*onboarding.Run, error) {
	return queryRuns(ctx, db, stuckRunsOf, operator)
}

// ActiveRunIDs returns the ids of all active runs.
func ActiveRunIDs(ctx context.Context, db DB) ([]uuid.UUID, error) {
	rows, err := db.Query(ctx, activeRunIDs)
	if err != nil {
		return nil, fmt.Errorf("active runs: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return nil, fmt.Errorf("active runs: %w", err)
	}
	return ids, nil
}

// HasActiveRun reports whether a slug is being onboarded or undone.
func HasActiveRun(ctx context.Context, db DB, slug string) (active bool, err error) {
	if err := db.QueryRow(ctx, hasActiveRun, slug).Scan(&active); err != nil {
		return false, fmt.Errorf("active runs of %s: %w", slug, err)
	}
	return active, nil
}

// DomainHolder returns the slug of the active run of somebody else that a domain is part of,
// empty if it is part of none.
func DomainHolder(ctx context.Context, db DB, domain, slug string) (holder string, err error) {
	if err := db.QueryRow(ctx, domainHolder, domain, slug).Scan(&holder); err != nil {
		return "", fmt.Errorf("runs of %s: %w", domain, err)
	}
	return holder, nil
}

// SaveStep writes where a step stands.
func (s Statements) SaveStep(ctx context.Context, run uuid.UUID, step *onboarding.Step) error {
	var due time.Time
	if step.State == onboarding.StepWaiting || step.State == onboarding.StepApproved {
		due = step.Due
	}
	if step.Findings == nil {
		step.Findings = []onboarding.Finding{}
	}
	_, err := s.db.Exec(ctx, updateStep, run, step.Key, step.State, step.Detail, step.Findings, orNull(due))
	if err != nil {
		return fmt.Errorf("step %s: %w", step.Key, err)
	}
	return nil
}

// SaveFacts adds facts to those of a run, and reads all of them back into it.
func (s Statements) SaveFacts(ctx context.Context, run *onboarding.Run, facts onboarding.Facts) error {
	if len(facts) == 0 {
		return nil
	}
	if err := s.db.QueryRow(ctx, updateFacts, run.ID, facts).Scan(&run.Facts); err != nil {
		return fmt.Errorf("facts of run %s: %w", run.ID, err)
	}
	return nil
}

// EndRun writes that a run has ended, its State and who ended it, and frees its slug and domains
// for another run.
func (s Statements) EndRun(ctx context.Context, run *onboarding.Run) error {
	if _, err := s.db.Exec(ctx, endRun, run.ID, run.State, actor(run.EndedBy)); err != nil {
		return fmt.Errorf("run %s: %w", run.ID, err)
	}
	if _, err := s.db.Exec(ctx, freeDomains, run.ID); err != nil {
		return fmt.Errorf("domains of run %s: %w", run.ID, err)
	}
	return nil
}

// queryRuns reads runs with their steps, and with the undo of those that ended, in at most three
// statements, however many there are.
func queryRuns(ctx context.Context, db DB, sql string, args ...any) ([]*onboarding.Run, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	runs, err := pgx.CollectRows(rows, scanRun)
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	if err := loadSteps(ctx, db, runs); err != nil {
		return nil, err
	}
	return runs, loadUndos(ctx, db, runs)
}

func scanRun(row pgx.CollectableRow) (*onboarding.Run, error) {
	run := new(onboarding.Run)
	var ended *time.Time
	var endedBy *onboarding.Operator
	var undoes, renews *uuid.UUID
	var deletes bool
	err := row.Scan(&run.ID, &run.Kind, &undoes, &deletes, &renews, &run.Request, &run.Requester, &run.Channel,
		&run.TenantID, &run.State, &run.Facts, &run.Created, &ended, &endedBy, &run.Changed,
		&run.Signature)
	if undoes != nil {
		run.Undoes = &onboarding.Undoes{Run: *undoes, DeleteCertificates: deletes}
	}
	run.Renews, run.Ended, run.EndedBy = orZero(renews), orZero(ended), orZero(endedBy)
	return run, err
}

func loadSteps(ctx context.Context, db DB, runs []*onboarding.Run) error {
	if len(runs) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(runs))
	for i, run := range runs {
		ids[i] = run.ID
	}
	rows, err := db.Query(ctx, selectSteps, ids)
	if err != nil {
		return fmt.Errorf("steps: %w", err)
	}
	return scanSteps(rows, runs)
}

// scanSteps reads the steps of runs into them.
func scanSteps(rows pgx.Rows, runs []*onboarding.Run) error {
	var step onboarding.Step
	var due *time.Time
	fields := []any{&step.Definition, &step.State, &step.Detail, &step.Findings, &due, &step.Changed}
	owners := byID(runs, func(run *onboarding.Run) uuid.UUID { return run.ID })
	err := forEachOwner(rows, owners, fields, func(run *onboarding.Run) {
		step.Due = orZero(due)
		run.Steps = append(run.Steps, step)
		step = onboarding.Step{}
	})
	if err != nil {
		return fmt.Errorf("steps: %w", err)
	}
	return nil
}

// actor is an operator as a column holds them: NULL for what the bot did by itself.
func actor(by onboarding.Operator) *onboarding.Operator {
	if by.ID == "" {
		return nil
	}
	return &by
}
