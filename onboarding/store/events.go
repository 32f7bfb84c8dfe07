package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	insertEvent = `INSERT INTO events (run_id, kind, step, actor, text, approval_id, digest, took)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	hasEvent = `SELECT EXISTS (SELECT FROM events
		WHERE (run_id = $1 OR $1::uuid IS NULL AND run_id IS NULL) AND kind = $2 AND step = $3
		AND actor->>'id' = $4 AND text = $5 AND approval_id IS NOT DISTINCT FROM $6)`
	eventsOfRun = `SELECT id, run_id, at, kind, step, actor, text, approval_id, digest, took FROM events
		WHERE run_id = $1 ORDER BY id`
)

// AddEvent adds a line to the audit trail. RunID is zero for one that is about no run.
func (s Statements) AddEvent(ctx context.Context, event onboarding.Event) error {
	_, err := s.db.Exec(ctx, insertEvent, orNull(event.RunID), event.Kind, event.Step, actor(event.Actor), event.Text,
		orNull(event.Approval), event.Digest, event.Took)
	if err != nil {
		return fmt.Errorf("event %s: %w", event.Kind, err)
	}
	return nil
}

// AddEventOnce is [Statements.AddEvent] unless the same person has caused the same event about the
// same approval before.
func AddEventOnce(ctx context.Context, db DB, event onboarding.Event) error {
	var has bool
	err := db.QueryRow(ctx, hasEvent, orNull(event.RunID), event.Kind, event.Step, event.Actor.ID, event.Text,
		orNull(event.Approval)).Scan(&has)
	if err != nil {
		return fmt.Errorf("event %s: %w", event.Kind, err)
	}
	if has {
		return nil
	}
	return On(db).AddEvent(ctx, event)
}

// loadEvents returns the audit trail of a run, oldest line first.
func loadEvents(ctx context.Context, db DB, run uuid.UUID) ([]onboarding.Event, error) {
	rows, err := db.Query(ctx, eventsOfRun, run)
	if err != nil {
		return nil, fmt.Errorf("events of run %s: %w", run, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (onboarding.Event, error) {
		var event onboarding.Event
		var actor *onboarding.Operator
		var approval *uuid.UUID
		err := row.Scan(&event.ID, &event.RunID, &event.At, &event.Kind, &event.Step, &actor, &event.Text, &approval,
			&event.Digest, &event.Took)
		event.Actor, event.Approval = orZero(actor), orZero(approval)
		return event, err
	})
}
