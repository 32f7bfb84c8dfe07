package onboarding

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

const approvalColumns = `id, run_id, step, change, digest, state, moved, asked_at, expires_at, reminded_at, escalated_at, closed_at, needs, reason_needed`

func scanApproval(row pgx.CollectableRow) (*Approval, error) {
	approval := new(Approval)
	var form []byte
	var reminded, escalated, closed *time.Time
	err := row.Scan(&approval.ID, &approval.RunID, &approval.Step, &form, &approval.Digest, &approval.State, &approval.Drift,
		&approval.Asked, &approval.Expires, &reminded, &escalated, &closed, &approval.Needs, &approval.ReasonNeeded)
	if err != nil {
		return nil, err
	}
	approval.Reminded, approval.Escalated, approval.Closed = orZero(reminded), orZero(escalated), orZero(closed)
	if approval.Change, err = parseChange(form, approval.Digest); err != nil {
		return nil, fmt.Errorf("approval %s: %w", approval.ID, err)
	}
	return approval, nil
}

// timing is when an approval needs attention by itself; a zero escalate means never.
type timing struct{ remind, escalate time.Time }

func insertApproval(ctx context.Context, q querier, approval *Approval, at timing) error {
	form, digest, err := approval.Change.canonical()
	if err != nil {
		return err
	}
	approval.Digest = digest
	var escalate *time.Time
	if !at.escalate.IsZero() {
		escalate = &at.escalate
	}
	_, err = q.Exec(ctx, `INSERT INTO approvals (id, run_id, step, change, digest, state, moved, needs, reason_needed, expires_at, remind_at, escalate_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		approval.ID, approval.RunID, approval.Step, form, digest, approval.State, approval.Drift, approval.Needs, approval.ReasonNeeded,
		approval.Expires, at.remind, escalate)
	if err != nil {
		return fmt.Errorf("approval of step %s: %w", approval.Step, err)
	}
	return nil
}

// closeApproval ends an approval in a state from which nothing leads further.
func closeApproval(ctx context.Context, q querier, approval *Approval, state ApprovalState) error {
	_, err := q.Exec(ctx, `UPDATE approvals SET state = $2, closed_at = clock_timestamp() WHERE id = $1`, approval.ID, state)
	if err != nil {
		return fmt.Errorf("approval %s: %w", approval.ID, err)
	}
	approval.State = state
	return nil
}

// setApproval moves an approval to a state in which it still counts.
func setApproval(ctx context.Context, q querier, approval *Approval, state ApprovalState) error {
	if _, err := q.Exec(ctx, `UPDATE approvals SET state = $2 WHERE id = $1`, approval.ID, state); err != nil {
		return fmt.Errorf("approval %s: %w", approval.ID, err)
	}
	approval.State = state
	return nil
}

// approvalsWhere reads approvals with their votes, oldest first. The condition is a constant of this package.
func approvalsWhere(ctx context.Context, q querier, condition string, args ...any) ([]*Approval, error) {
	rows, err := q.Query(ctx, `SELECT `+approvalColumns+` FROM approvals WHERE `+condition+` ORDER BY asked_at, id`, args...)
	if err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	approvals, err := pgx.CollectRows(rows, scanApproval)
	if err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	byID := make(map[uuid.UUID]*Approval, len(approvals))
	ids := make([]uuid.UUID, 0, len(approvals))
	for _, approval := range approvals {
		byID[approval.ID] = approval
		ids = append(ids, approval.ID)
	}
	rows, err = q.Query(ctx, `SELECT approval_id, operator, name, agrees, reason, broke_glass, at FROM votes WHERE approval_id = ANY($1) ORDER BY at`, ids)
	if err != nil {
		return nil, fmt.Errorf("votes: %w", err)
	}
	var id uuid.UUID
	var vote Vote
	_, err = pgx.ForEachRow(rows, []any{&id, &vote.By.ID, &vote.By.Name, &vote.Agrees, &vote.Reason, &vote.BrokeGlass, &vote.At}, func() error {
		byID[id].Votes = append(byID[id].Votes, vote)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("votes: %w", err)
	}
	return approvals, nil
}

// loadApproval reads one approval.
func loadApproval(ctx context.Context, q querier, id uuid.UUID) (*Approval, error) {
	approvals, err := approvalsWhere(ctx, q, `id = $1`, id)
	if err != nil {
		return nil, err
	}
	if len(approvals) == 0 {
		return nil, fmt.Errorf("approval %s: %w", id, ErrNotFound)
	}
	return approvals[0], nil
}

// currentApproval reads the step's approval that is open or approved, nil if there is none.
func currentApproval(ctx context.Context, q querier, run uuid.UUID, step Key) (*Approval, error) {
	approvals, err := approvalsWhere(ctx, q, `run_id = $1 AND step = $2 AND state IN ('open', 'approved')`, run, step)
	if err != nil || len(approvals) == 0 {
		return nil, err
	}
	return approvals[0], nil
}

func insertVote(ctx context.Context, q querier, approval *Approval, vote Vote) error {
	_, err := q.Exec(ctx, `INSERT INTO votes (approval_id, operator, name, agrees, reason, broke_glass) VALUES ($1, $2, $3, $4, $5, $6)`,
		approval.ID, vote.By.ID, vote.By.Name, vote.Agrees, vote.Reason, vote.BrokeGlass)
	if err != nil {
		return fmt.Errorf("vote on approval %s: %w", approval.ID, err)
	}
	approval.Votes = append(approval.Votes, vote)
	return nil
}

func insertAttempt(ctx context.Context, q querier, attempt *Attempt) error {
	_, err := q.Exec(ctx, `INSERT INTO attempts (id, run_id, step, approval_id) VALUES ($1, $2, $3, $4)`, attempt.ID, attempt.RunID, attempt.Step, attempt.Approval)
	if err != nil {
		return fmt.Errorf("attempt at step %s: %w", attempt.Step, err)
	}
	return nil
}

// interruptAttempts closes what a dead process left running on a step and reports whether there was any.
func interruptAttempts(ctx context.Context, q querier, run uuid.UUID, step Key) (bool, error) {
	tag, err := q.Exec(ctx, `UPDATE attempts SET outcome = 'interrupted', finished_at = clock_timestamp() WHERE run_id = $1 AND step = $2 AND outcome = 'running'`, run, step)
	if err != nil {
		return false, fmt.Errorf("attempts at step %s: %w", step, err)
	}
	return tag.RowsAffected() > 0, nil
}

func finishAttempt(ctx context.Context, q querier, attempt *Attempt, log string) error {
	_, err := q.Exec(ctx, `UPDATE attempts SET outcome = $2, error = $3, tail = $4, lines = $5, log = $6, finished_at = clock_timestamp() WHERE id = $1`,
		attempt.ID, attempt.Outcome, attempt.Error, attempt.Tail, attempt.Lines, log)
	if err != nil {
		return fmt.Errorf("attempt at step %s: %w", attempt.Step, err)
	}
	return nil
}

func loadAttempts(ctx context.Context, q querier, run uuid.UUID) ([]*Attempt, error) {
	rows, err := q.Query(ctx, `SELECT id, run_id, step, approval_id, outcome, error, started_at, finished_at, tail, lines FROM attempts WHERE run_id = $1 ORDER BY started_at, id`, run)
	if err != nil {
		return nil, fmt.Errorf("attempts of run %s: %w", run, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Attempt, error) {
		attempt := new(Attempt)
		var finished *time.Time
		err := row.Scan(&attempt.ID, &attempt.RunID, &attempt.Step, &attempt.Approval, &attempt.Outcome, &attempt.Error,
			&attempt.Started, &finished, &attempt.Tail, &attempt.Lines)
		attempt.Finished = orZero(finished)
		return attempt, err
	})
}

// attemptLog reads everything an attempt printed.
func attemptLog(ctx context.Context, q querier, id uuid.UUID) (string, error) {
	var log string
	err := q.QueryRow(ctx, `SELECT log FROM attempts WHERE id = $1`, id).Scan(&log)
	if errors.Is(err, pgx.ErrNoRows) {
		err = ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("log of attempt %s: %w", id, err)
	}
	return log, nil
}
