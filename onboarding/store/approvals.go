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
	selectApprovals = `SELECT id, run_id, step, change, digest, state, moved, asked_at, expires_at, remind_at,
		escalate_at, reminded_at, escalated_at, closed_at, needs, reason_needed, confirm, asked_with, apply_now,
		apply_now_by, apply_now_at, apply_now_signature FROM approvals`
	oldestFirst = ` ORDER BY asked_at, id`

	lockRunOfApproval = `SELECT FROM runs WHERE id = (SELECT run_id FROM approvals WHERE id = $1) FOR UPDATE`

	approvalByID    = selectApprovals + ` WHERE id = $1`
	approvalsOfRun  = selectApprovals + ` WHERE run_id = $1` + oldestFirst
	currentApproval = selectApprovals + ` WHERE run_id = $1 AND step = $2 AND state IN ('open', 'approved')`
	preapprovals    = selectApprovals + ` WHERE run_id = $1 AND step = $2
		AND state IN ('ahead', 'ahead_approved')` + oldestFirst
	undecidedOrAhead = selectApprovals + ` WHERE run_id = $1 AND (state = 'ahead_approved'
		OR state IN ('open', 'ahead') AND expires_at > clock_timestamp())` + oldestFirst
	dueApprovals = selectApprovals + ` WHERE run_id = $1 AND (
		state = 'open' AND (expires_at <= clock_timestamp()
			OR remind_at <= clock_timestamp() AND reminded_at IS NULL
			OR escalate_at <= clock_timestamp() AND escalated_at IS NULL)
		OR state = 'approved' AND expires_at <= clock_timestamp() AND EXISTS (
			SELECT FROM steps s WHERE s.run_id = approvals.run_id AND s.key = step AND s.state = 'approved')
		)` + oldestFirst
	decidableBy = selectApprovals + ` WHERE state = 'open' AND expires_at > clock_timestamp()
		AND EXISTS (SELECT FROM runs WHERE runs.id = run_id AND state = 'active' AND requester->>'id' <> $1)
		AND NOT EXISTS (SELECT FROM votes WHERE approval_id = approvals.id AND operator = $1)` + oldestFirst

	votesOf = `SELECT approval_id, operator, name, agrees, reason, broke_glass, at, source, confirmed, signature,
		not_before FROM votes WHERE approval_id = ANY($1) ORDER BY at`

	insertApproval = `INSERT INTO approvals (id, run_id, step, change, digest, state, moved, needs, reason_needed,
		expires_at, remind_at, escalate_at, confirm)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	insertVote = `INSERT INTO votes (approval_id, operator, name, agrees, reason, broke_glass, source, at,
		confirmed, signature, not_before)
		VALUES ($1, $2, $3, $4, $5, $6, $7, coalesce($8, clock_timestamp()), $9, $10, $11)`
	setApprovalState  = `UPDATE approvals SET state = $2 WHERE id = $1`
	closeApproval     = `UPDATE approvals SET state = $2, closed_at = clock_timestamp() WHERE id = $1`
	withdrawApprovals = `UPDATE approvals SET state = 'withdrawn', closed_at = clock_timestamp()
		WHERE run_id = $1 AND state IN ('open', 'approved')`
	setApplyNow = `UPDATE approvals SET apply_now = true, apply_now_by = $2, apply_now_at = $3,
		apply_now_signature = $4 WHERE id = $1`
	markReminded = `UPDATE approvals SET reminded_at = clock_timestamp()
		WHERE id = $1 AND remind_at <= clock_timestamp() AND reminded_at IS NULL`
	markEscalated = `UPDATE approvals SET escalated_at = clock_timestamp()
		WHERE id = $1 AND escalate_at <= clock_timestamp() AND escalated_at IS NULL`
)

// InsertApproval adds an approval that nobody has voted on, and sets its digest.
func (s Statements) InsertApproval(ctx context.Context, approval *onboarding.Approval) error {
	form, digest, err := approval.Change.Canonical()
	if err != nil {
		return err
	}
	approval.Digest = digest
	_, err = s.db.Exec(ctx, insertApproval, approval.ID, approval.RunID, approval.Step, form, digest, approval.State,
		approval.Drift, approval.Needs, approval.ReasonNeeded, approval.Expires, approval.Remind,
		orNull(approval.Escalate), approval.Confirm)
	if err != nil {
		return fmt.Errorf("approval of step %s: %w", approval.Step, err)
	}
	return nil
}

// LoadApproval reads one approval with its votes. It returns [onboarding.ErrNotFound].
func (s Statements) LoadApproval(ctx context.Context, id uuid.UUID) (*onboarding.Approval, error) {
	var approvals []*onboarding.Approval
	batch := new(pgx.Batch)
	batch.Queue(approvalByID, id).Query(func(rows pgx.Rows) (err error) {
		approvals, err = pgx.CollectRows(rows, scanApproval)
		return err
	})
	batch.Queue(votesOf, []uuid.UUID{id}).Query(func(rows pgx.Rows) error { return scanVotes(rows, approvals) })
	err := s.db.SendBatch(ctx, batch).Close()
	return found(fmt.Sprintf("approval %s", id), approvals, err)
}

// LockApproval makes the transaction the only one that changes the run of an approval until it
// ends, and reads both. It returns [onboarding.ErrNotFound].
func LockApproval(ctx context.Context, tx pgx.Tx, id uuid.UUID) (*onboarding.Run, *onboarding.Approval, error) {
	if _, err := tx.Exec(ctx, lockRunOfApproval, id); err != nil {
		return nil, nil, fmt.Errorf("approval %s: %w", id, err)
	}
	approval, err := On(tx).LoadApproval(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	run, err := On(tx).LoadRun(ctx, approval.RunID)
	return run, approval, err
}

// CurrentApproval returns the step's approval that is open or approved, nil if there is none.
func (s Statements) CurrentApproval(
	ctx context.Context, run uuid.UUID, step onboarding.Key,
) (*onboarding.Approval, error) {
	return first(queryApprovals(ctx, s.db, currentApproval, run, step))
}

// Preapprovals returns the approvals that were shown for a step before its turn, decided or not,
// oldest first.
func (s Statements) Preapprovals(
	ctx context.Context, run uuid.UUID, step onboarding.Key,
) ([]*onboarding.Approval, error) {
	return queryApprovals(ctx, s.db, preapprovals, run, step)
}

// UndecidedOrAhead returns the approvals of a run that are open or were shown before their step's
// turn, and have not expired. Whether one that was approved before its turn has expired is for the
// caller to find out, see [onboarding.Policy.ValidUntil].
func UndecidedOrAhead(ctx context.Context, db DB, run uuid.UUID) ([]*onboarding.Approval, error) {
	return queryApprovals(ctx, db, undecidedOrAhead, run)
}

// DueApprovals returns the open approvals of a run that expired, or whose reminder or escalation
// is due, and the approved ones whose step was not applied before their time was over. An approval
// whose change waits for its window expires later, see [onboarding.Policy.ValidUntil].
func (s Statements) DueApprovals(ctx context.Context, run uuid.UUID) ([]*onboarding.Approval, error) {
	return queryApprovals(ctx, s.db, dueApprovals, run)
}

// DecidableBy returns the open approvals of other people's active runs on which this operator has
// not voted, oldest first.
func DecidableBy(ctx context.Context, db DB, operator string) ([]*onboarding.Approval, error) {
	return queryApprovals(ctx, db, decidableBy, operator)
}

// CloseApproval ends an approval in a state from which nothing leads further.
func (s Statements) CloseApproval(
	ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState,
) error {
	if _, err := s.db.Exec(ctx, closeApproval, approval.ID, state); err != nil {
		return fmt.Errorf("approval %s: %w", approval.ID, err)
	}
	approval.State = state
	return nil
}

// SetApprovalState moves an approval to a state in which it still counts.
func (s Statements) SetApprovalState(
	ctx context.Context, approval *onboarding.Approval, state onboarding.ApprovalState,
) error {
	if _, err := s.db.Exec(ctx, setApprovalState, approval.ID, state); err != nil {
		return fmt.Errorf("approval %s: %w", approval.ID, err)
	}
	approval.State = state
	return nil
}

// WithdrawApprovals ends the approvals of a run that are open or approved, since the run was
// cancelled.
func WithdrawApprovals(ctx context.Context, db DB, run uuid.UUID) error {
	if _, err := db.Exec(ctx, withdrawApprovals, run); err != nil {
		return fmt.Errorf("approvals of run %s: %w", run, err)
	}
	return nil
}

// MarkReminded records that the approvers are reminded now, and reports whether that was due and
// had not been done.
func (s Statements) MarkReminded(ctx context.Context, approval uuid.UUID) (bool, error) {
	return mark(ctx, s.db, markReminded, approval)
}

// SetApplyNow records that the change of an approval does not wait for its window.
func SetApplyNow(ctx context.Context, db DB, approval *onboarding.Approval, press *onboarding.ApplyNow) error {
	if _, err := db.Exec(ctx, setApplyNow, approval.ID, press.By, press.At, press.Signature); err != nil {
		return fmt.Errorf("approval %s: %w", approval.ID, err)
	}
	approval.ApplyNow = press
	return nil
}

// MarkEscalated records that the second group is told of an approval now, and reports whether
// that was due and had not been done.
func (s Statements) MarkEscalated(ctx context.Context, approval uuid.UUID) (bool, error) {
	return mark(ctx, s.db, markEscalated, approval)
}

func mark(ctx context.Context, db DB, sql string, approval uuid.UUID) (bool, error) {
	tag, err := db.Exec(ctx, sql, approval)
	if err != nil {
		return false, fmt.Errorf("approval %s: %w", approval, err)
	}
	return tag.RowsAffected() > 0, nil
}

// InsertVote adds a vote to an approval.
func InsertVote(ctx context.Context, db DB, approval *onboarding.Approval, vote onboarding.Vote) error {
	_, err := db.Exec(ctx, insertVote, approval.ID, vote.By.ID, vote.By.Name, vote.Agrees, vote.Reason,
		vote.BrokeGlass, vote.Source, orNull(vote.At), vote.Confirmed, vote.Signature, orNull(vote.NotBefore))
	if err != nil {
		return fmt.Errorf("vote on approval %s: %w", approval.ID, err)
	}
	approval.Votes = append(approval.Votes, vote)
	return nil
}

// queryApprovals reads approvals with their votes in two statements, however many there are.
func queryApprovals(ctx context.Context, db DB, sql string, args ...any) ([]*onboarding.Approval, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	approvals, err := pgx.CollectRows(rows, scanApproval)
	if err != nil {
		return nil, fmt.Errorf("approvals: %w", err)
	}
	if len(approvals) == 0 {
		return nil, nil
	}
	return approvals, loadVotes(ctx, db, approvals)
}

func scanApproval(row pgx.CollectableRow) (*onboarding.Approval, error) {
	approval := new(onboarding.Approval)
	var form []byte
	var escalate, reminded, escalated, closed, pressedAt *time.Time
	var pressed bool
	var pressedBy *string
	var pressSignature []byte
	var askedWith *uuid.UUID
	err := row.Scan(&approval.ID, &approval.RunID, &approval.Step, &form, &approval.Digest, &approval.State,
		&approval.Drift, &approval.Asked, &approval.Expires, &approval.Remind, &escalate, &reminded, &escalated,
		&closed, &approval.Needs, &approval.ReasonNeeded, &approval.Confirm, &askedWith,
		&pressed, &pressedBy, &pressedAt, &pressSignature)
	if err != nil {
		return nil, err
	}
	if pressed {
		approval.ApplyNow = &onboarding.ApplyNow{By: orZero(pressedBy), At: orZero(pressedAt),
			Signature: pressSignature}
	}
	approval.Escalate, approval.Reminded = orZero(escalate), orZero(reminded)
	approval.Escalated, approval.Closed, approval.AskedWith = orZero(escalated), orZero(closed), orZero(askedWith)
	if approval.Change, err = onboarding.ParseChange(form, approval.Digest); err != nil {
		return nil, fmt.Errorf("approval %s: %w", approval.ID, err)
	}
	return approval, nil
}

func loadVotes(ctx context.Context, db DB, approvals []*onboarding.Approval) error {
	ids := make([]uuid.UUID, len(approvals))
	for i, approval := range approvals {
		ids[i] = approval.ID
	}
	rows, err := db.Query(ctx, votesOf, ids)
	if err != nil {
		return fmt.Errorf("votes: %w", err)
	}
	return scanVotes(rows, approvals)
}

// scanVotes reads the votes on approvals into them.
func scanVotes(rows pgx.Rows, approvals []*onboarding.Approval) error {
	var vote onboarding.Vote
	var notBefore *time.Time
	fields := []any{&vote.By.ID, &vote.By.Name, &vote.Agrees, &vote.Reason, &vote.BrokeGlass, &vote.At,
		&vote.Source, &vote.Confirmed, &vote.Signature, &notBefore}
	owners := byID(approvals, func(a *onboarding.Approval) uuid.UUID { return a.ID })
	err := forEachOwner(rows, owners, fields, func(approval *onboarding.Approval) {
		vote.NotBefore = orZero(notBefore)
		approval.Votes = append(approval.Votes, vote)
		vote = onboarding.Vote{}
	})
	if err != nil {
		return fmt.Errorf("votes: %w", err)
	}
	return nil
}
