package onboarding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// querier is what reading needs: a pool, a connection or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// uniqueViolation is SQLSTATE 23505 (PostgreSQL, Appendix A).
const uniqueViolation = "23505"

// violates returns the name of the unique constraint that an error is about, empty if it is about none.
func violates(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == uniqueViolation {
		return pgErr.ConstraintName
	}
	return ""
}

func insertRun(ctx context.Context, q querier, run *Run, submission string) error {
	request, err := json.Marshal(run.Request)
	if err != nil {
		return err
	}
	var undoes *uuid.UUID
	deletes := false
	if run.Undoes != nil {
		undoes, deletes = &run.Undoes.Run, run.Undoes.DeleteCertificates
	}
	var renews *uuid.UUID
	if run.Renews != uuid.Nil {
		renews = &run.Renews
	}
	_, err = q.Exec(ctx, `INSERT INTO runs (id, slug, request, requester, channel, tenant_id, submission, kind, undoes, delete_certificates, renews)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		run.ID, run.Request.Slug, request, run.Requester, run.Channel, run.TenantID, submission, run.Kind, undoes, deletes, renews)
	if err != nil {
		return err
	}
	for _, domain := range run.Request.Domains {
		if _, err := q.Exec(ctx, `INSERT INTO run_domains (run_id, domain) VALUES ($1, $2)`, run.ID, domain.Name); err != nil {
			return err
		}
	}
	for i, step := range run.Steps {
		_, err := q.Exec(ctx, `INSERT INTO steps (run_id, key, position, definition) VALUES ($1, $2, $3, $4)`, run.ID, step.Key, i, step.Definition)
		if err != nil {
			return err
		}
	}
	return nil
}

// lockRun makes the transaction the only one that changes this run until it ends.
func lockRun(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*Run, error) {
	if _, err := tx.Exec(ctx, `SELECT FROM runs WHERE id = $1 FOR UPDATE`, id); err != nil {
		return nil, fmt.Errorf("run %s: %w", id, err)
	}
	return loadRun(ctx, tx, id)
}

const runColumns = `id, kind, undoes, delete_certificates, renews, request, requester, channel, tenant_id, state, facts, created_at, ended_at, ended_by`

func scanRun(row pgx.CollectableRow) (*Run, error) {
	run := new(Run)
	var ended *time.Time
	var endedBy *Operator
	var undoes, renews *uuid.UUID
	var deletes bool
	err := row.Scan(&run.ID, &run.Kind, &undoes, &deletes, &renews, &run.Request, &run.Requester, &run.Channel, &run.TenantID, &run.State, &run.Facts, &run.Created, &ended, &endedBy)
	if undoes != nil {
		run.Undoes = &Undoes{Run: *undoes, DeleteCertificates: deletes}
	}
	run.Renews = orZero(renews)
	run.Ended = orZero(ended)
	run.EndedBy = orZero(endedBy)
	return run, err
}

func orZero[T any](value *T) (zero T) {
	if value != nil {
		return *value
	}
	return zero
}

// loadRun reads a run with its steps.
func loadRun(ctx context.Context, q querier, id uuid.UUID) (*Run, error) {
	rows, err := q.Query(ctx, `SELECT `+runColumns+` FROM runs WHERE id = $1`, id)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", id, err)
	}
	run, err := pgx.CollectExactlyOneRow(rows, scanRun)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fmt.Errorf("run %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", id, err)
	}
	if err := loadSteps(ctx, q, run); err != nil {
		return nil, err
	}
	return run, loadUndoes(ctx, q, run)
}

func loadSteps(ctx context.Context, q querier, run *Run) error {
	rows, err := q.Query(ctx, `SELECT definition, state, detail, findings, due_at, changed_at FROM steps WHERE run_id = $1 ORDER BY position`, run.ID)
	if err != nil {
		return fmt.Errorf("steps of run %s: %w", run.ID, err)
	}
	run.Steps, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (Step, error) {
		var step Step
		var due *time.Time
		err := row.Scan(&step.Definition, &step.State, &step.Detail, &step.Findings, &due, &step.Changed)
		step.Due = orZero(due)
		return step, err
	})
	if err != nil {
		return fmt.Errorf("steps of run %s: %w", run.ID, err)
	}
	return nil
}

// saveStep writes where a step stands. Findings are kept when there are no new ones.
func saveStep(ctx context.Context, q querier, run *Run, step *Step) error {
	var due *time.Time
	if step.State == StepWaiting {
		due = &step.Due
	}
	if step.Findings == nil {
		step.Findings = []Finding{}
	}
	_, err := q.Exec(ctx, `UPDATE steps SET state = $3, detail = $4, findings = $5, due_at = $6, changed_at = clock_timestamp() WHERE run_id = $1 AND key = $2`,
		run.ID, step.Key, step.State, step.Detail, step.Findings, due)
	if err != nil {
		return fmt.Errorf("step %s: %w", step.Key, err)
	}
	return nil
}

func saveFacts(ctx context.Context, q querier, run *Run, facts map[string]string) error {
	if len(facts) == 0 {
		return nil
	}
	err := q.QueryRow(ctx, `UPDATE runs SET facts = facts || $2 WHERE id = $1 RETURNING facts`, run.ID, facts).Scan(&run.Facts)
	if err != nil {
		return fmt.Errorf("facts of run %s: %w", run.ID, err)
	}
	return nil
}

// endRun closes a run and frees its slug and domains for another.
func endRun(ctx context.Context, q querier, run *Run, state RunState, by Operator) error {
	var actor *Operator
	if by.ID != "" {
		actor = &by
	}
	if _, err := q.Exec(ctx, `UPDATE runs SET state = $2, ended_at = clock_timestamp(), ended_by = $3 WHERE id = $1`, run.ID, state, actor); err != nil {
		return fmt.Errorf("run %s: %w", run.ID, err)
	}
	if _, err := q.Exec(ctx, `UPDATE run_domains SET active = false WHERE run_id = $1`, run.ID); err != nil {
		return fmt.Errorf("domains of run %s: %w", run.ID, err)
	}
	run.State, run.EndedBy = state, by
	return nil
}

func addEvent(ctx context.Context, q querier, event Event) error {
	var actor *Operator
	if event.Actor.ID != "" {
		actor = &event.Actor
	}
	var approval *uuid.UUID
	if event.Approval != uuid.Nil {
		approval = &event.Approval
	}
	_, err := q.Exec(ctx, `INSERT INTO events (run_id, kind, step, actor, text, approval_id, digest, took) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		event.RunID, event.Kind, event.Step, actor, event.Text, approval, event.Digest, event.Took)
	if err != nil {
		return fmt.Errorf("event %s: %w", event.Kind, err)
	}
	return nil
}

func loadEvents(ctx context.Context, q querier, run uuid.UUID) ([]Event, error) {
	rows, err := q.Query(ctx, `SELECT id, run_id, at, kind, step, actor, text, approval_id, digest, took FROM events WHERE run_id = $1 ORDER BY id`, run)
	if err != nil {
		return nil, fmt.Errorf("events of run %s: %w", run, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Event, error) {
		var event Event
		var actor *Operator
		var approval *uuid.UUID
		err := row.Scan(&event.ID, &event.RunID, &event.At, &event.Kind, &event.Step, &actor, &event.Text, &approval, &event.Digest, &event.Took)
		event.Actor = orZero(actor)
		event.Approval = orZero(approval)
		return event, err
	})
}
