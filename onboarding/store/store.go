// Package store keeps runs, steps, approvals, events and what belongs to them in the bot's own
// database. It holds all SQL of these tables, beside their migrations; nothing else reads or
// writes them.
//
// Statements are constants beside the function that runs and scans them, and every function names
// what it reads or changes. No caller hands in a piece of SQL. A function takes the connection,
// transaction or pool that it works on, since the engine writes only through the connection that
// holds a run's lock. Generated code (sqlc) would replace the scan functions alone, and most of
// those map nullable columns and stored changes to the nouns of package onboarding, so it would
// make the package larger.
package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/atlilith/onboardbot/onboarding"
)

// DB is what a statement runs on: a pool, a connection or a transaction.
type DB interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// Statements are what the engine reads and writes, on one pool, connection or transaction. They
// are methods, where others are functions, because the engine declares them as an interface.
type Statements struct{ db DB }

// On returns the statements that work on db.
func On(db DB) Statements { return Statements{db} }

// Notifier is told of every change of a run. It is called inside the transaction that makes the
// change, so it must only write rows there, and notify people after the commit.
type Notifier interface {
	RunChanged(ctx context.Context, tx pgx.Tx, run uuid.UUID) error
}

// ChangeRun is how everything changes: one transaction locks the run, reads it again, and makes
// the change.
func ChangeRun(ctx context.Context, db DB, id uuid.UUID, change func(tx pgx.Tx, run *onboarding.Run) error) error {
	return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		run, err := LockRun(ctx, tx, id)
		if err != nil {
			return err
		}
		return change(tx, run)
	})
}

// snapshot are the options of a transaction that reads everything as it is at one moment.
var snapshot = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// The unique constraints that a caller tells apart, see [Violates].
const (
	OneActiveRunPerSlug   Constraint = "runs_one_active_per_slug"
	OneActiveRunPerDomain Constraint = "run_domains_one_active"
	OneFreeze             Constraint = "freezes_one_at_a_time"
)

// Constraint names a unique constraint of the tables.
type Constraint string

// uniqueViolation is SQLSTATE 23505 (PostgreSQL, Appendix A).
const uniqueViolation = "23505"

// Violates returns the unique constraint that an error is about, empty if it is about none.
func Violates(err error) Constraint {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == uniqueViolation {
		return Constraint(pgErr.ConstraintName)
	}
	return ""
}

func orZero[T any](value *T) (zero T) {
	if value != nil {
		return *value
	}
	return zero
}

// orNull is the opposite of [orZero]: nil for the zero value.
func orNull[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// byID indexes what has an id.
func byID[T any](list []*T, id func(*T) uuid.UUID) map[uuid.UUID]*T {
	index := make(map[uuid.UUID]*T, len(list))
	for _, each := range list {
		index[id(each)] = each
	}
	return index
}

// forEachOwner reads rows of which each belongs to one of the owners, whose id is the first
// column, and calls add with that owner once the other columns are in fields. A row of an owner
// that was added to the database since the owners were read is left out.
func forEachOwner[T any](rows pgx.Rows, owners map[uuid.UUID]*T, fields []any, add func(owner *T)) error {
	var id uuid.UUID
	_, err := pgx.ForEachRow(rows, append([]any{&id}, fields...), func() error {
		if owner := owners[id]; owner != nil {
			add(owner)
		}
		return nil
	})
	return err
}

// first returns the first of a list, nil where it is empty.
func first[T any](list []*T, err error) (*T, error) {
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return list[0], nil
}

// found is [first] with an [onboarding.ErrNotFound] about what was looked for.
func found[T any](what string, list []*T, err error) (*T, error) {
	if err == nil && len(list) == 0 {
		err = onboarding.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return list[0], nil
}
