package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	insertAbsence = `INSERT INTO absences (operator, cover, until_at) VALUES ($1, $2, $3)`
	// An absence that ended stays, so that a message goes on to the person who got it.
	endAbsences = `UPDATE absences SET until_at = clock_timestamp()
		WHERE operator = $1 AND until_at > clock_timestamp()`
	absencesSince = `SELECT operator, cover, from_at, until_at FROM absences WHERE until_at > $1 ORDER BY from_at, id`
)

// Absences keeps who is away, and who gets their messages meanwhile.
type Absences struct{ db *pgxpool.Pool }

// NewAbsences returns the absences in the bot's own database, whose connections must have its
// schema as their search path.
func NewAbsences(pool *pgxpool.Pool) *Absences { return &Absences{db: pool} }

// Begin records that somebody is away from now until a time. It takes the place of their absence
// before.
func (a *Absences) Begin(ctx context.Context, operator, cover string, until time.Time) error {
	err := pgx.BeginFunc(ctx, a.db, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, endAbsences, operator); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, insertAbsence, operator, cover, until)
		return err
	})
	if err != nil {
		return fmt.Errorf("absence of %s: %w", operator, err)
	}
	return nil
}

// End records that somebody is back, and reports whether they were away.
func (a *Absences) End(ctx context.Context, operator string) (bool, error) {
	tag, err := a.db.Exec(ctx, endAbsences, operator)
	if err != nil {
		return false, fmt.Errorf("absence of %s: %w", operator, err)
	}
	return tag.RowsAffected() > 0, nil
}

// Now returns the absences that hold now.
func (a *Absences) Now(ctx context.Context) ([]onboarding.Absence, error) {
	return AbsencesSince(ctx, a.db, time.Now())
}

// AbsencesSince returns those that had not ended at a time.
func AbsencesSince(ctx context.Context, db DB, at time.Time) ([]onboarding.Absence, error) {
	rows, err := db.Query(ctx, absencesSince, at)
	if err != nil {
		return nil, fmt.Errorf("absences: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[onboarding.Absence])
	if err != nil {
		return nil, fmt.Errorf("absences: %w", err)
	}
	return found, nil
}
