package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding/risk"
)

const (
	selectRisks = `SELECT id, object, operation, definition, finding, reason, until, operator, name, source, asked_at,
		expires_at, report, channel, needs, confirm, signature FROM risks`
	riskByID   = selectRisks + ` WHERE id = $1`
	risksOf    = selectRisks + ` WHERE (object, operation, definition) = ($1, $2, $3) ORDER BY asked_at, id`
	risksVoted = selectRisks + ` WHERE until >= $1 AND EXISTS (SELECT FROM risk_votes WHERE risk_id = id)
		ORDER BY asked_at, id`
	risksLeft = selectRisks + ` WHERE expires_at > $1 ORDER BY asked_at, id`

	votesOnRisks = `SELECT risk_id, act, operator, name, reason, source, at, confirmed, signature FROM risk_votes
		WHERE risk_id = ANY($1) ORDER BY at, act`

	insertRisk = `INSERT INTO risks (id, object, operation, definition, finding, reason, until, operator, name, source,
		asked_at, expires_at, report, channel, needs, confirm, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`
	insertRiskVote = `INSERT INTO risk_votes (risk_id, act, operator, name, reason, source, at, confirmed, signature)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
)

// LockRisks makes the transaction the only one that changes requests to accept risks until it
// ends.
func LockRisks(ctx context.Context, tx pgx.Tx) error { return locks.Tx(ctx, tx, locks.Named("risks")) }

// InsertRisk adds a request that nobody has voted on.
func InsertRisk(ctx context.Context, db DB, r *risk.Request) error {
	_, err := db.Exec(ctx, insertRisk, r.ID, r.Object, r.Operation, r.Definition, r.Finding, r.Reason, r.Until, r.By.ID,
		r.By.Name, r.Source, r.Asked, r.Expires, r.Report, r.Channel, r.Needs, r.Confirm, r.Signature)
	if err != nil {
		return fmt.Errorf("risk %s: %w", r.ID, err)
	}
	return nil
}

// InsertRiskVote adds a vote to a request.
func InsertRiskVote(ctx context.Context, db DB, r *risk.Request, vote risk.Vote) error {
	_, err := db.Exec(ctx, insertRiskVote, r.ID, vote.Act, vote.By.ID, vote.By.Name, vote.Reason, vote.Source, vote.At,
		vote.Confirmed, vote.Signature)
	if err != nil {
		return fmt.Errorf("vote on risk %s: %w", r.ID, err)
	}
	r.Votes = append(r.Votes, vote)
	return nil
}

// LoadRisk reads one request with its votes. It returns [onboarding.ErrNotFound].
func LoadRisk(ctx context.Context, db DB, id uuid.UUID) (*risk.Request, error) {
	risks, err := queryRisks(ctx, db, riskByID, id)
	return found(fmt.Sprintf("risk %s", id), risks, err)
}

// RisksLike returns the requests about the same risk as this one, oldest first.
func RisksLike(ctx context.Context, db DB, r *risk.Request) ([]*risk.Request, error) {
	return queryRisks(ctx, db, risksOf, r.Object, r.Operation, r.Definition)
}

// RisksVotedOn returns the requests with votes whose last day is this one or later, oldest first.
func RisksVotedOn(ctx context.Context, db DB, day string) ([]*risk.Request, error) {
	return queryRisks(ctx, db, risksVoted, day)
}

// RisksExpiringAfter returns the requests that expire after a time, oldest first, whatever was
// decided.
func RisksExpiringAfter(ctx context.Context, db DB, at time.Time) ([]*risk.Request, error) {
	return queryRisks(ctx, db, risksLeft, at)
}

func queryRisks(ctx context.Context, db DB, sql string, args ...any) ([]*risk.Request, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("risks: %w", err)
	}
	risks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*risk.Request, error) {
		r := new(risk.Request)
		return r, row.Scan(&r.ID, &r.Object, &r.Operation, &r.Definition, &r.Finding, &r.Reason, &r.Until, &r.By.ID,
			&r.By.Name, &r.Source, &r.Asked, &r.Expires, &r.Report, &r.Channel, &r.Needs, &r.Confirm, &r.Signature)
	})
	if err != nil {
		return nil, fmt.Errorf("risks: %w", err)
	}
	owners := byID(risks, func(r *risk.Request) uuid.UUID { return r.ID })
	if rows, err = db.Query(ctx, votesOnRisks, slices.Collect(maps.Keys(owners))); err != nil {
		return nil, fmt.Errorf("votes on risks: %w", err)
	}
	var vote risk.Vote
	fields := []any{&vote.Act, &vote.By.ID, &vote.By.Name, &vote.Reason, &vote.Source, &vote.At, &vote.Confirmed,
		&vote.Signature}
	err = forEachOwner(rows, owners, fields, func(r *risk.Request) {
		r.Votes = append(r.Votes, vote)
		vote = risk.Vote{}
	})
	if err != nil {
		return nil, fmt.Errorf("votes on risks: %w", err)
	}
	return risks, nil
}
