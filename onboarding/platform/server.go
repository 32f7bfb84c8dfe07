package platform

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrWrongServer says that a connection leads to a server that must not be written to: a standby,
// one that is read-only, or one that the identity query tells apart. Nothing was changed.
var ErrWrongServer = errors.New("not the authoritative server of the platform: nothing was changed")

// Confirm returns [ErrWrongServer] if the server that answers now is not the authoritative one. A
// later statement may reach another server; [DB.Execute] asks again in its own transaction.
func (db *DB) Confirm(ctx context.Context) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error { return db.confirm(ctx, tx) })
}

// confirm judges the server that a transaction runs on, on which its statements run too.
func (db *DB) confirm(ctx context.Context, tx pgx.Tx) error {
	problem, err := writable(ctx, tx)
	if err == nil && problem == "" {
		problem, err = db.foreign(ctx, tx)
	}
	switch {
	case err != nil:
		return fmt.Errorf("platform: which server this is: %w", err)
	case problem != "":
		return fmt.Errorf("platform: %w: %s. %s", ErrWrongServer, problem, correctIdentity)
	}
	return nil
}

// writable says why a server takes no writes, nothing if it does.
func writable(ctx context.Context, tx pgx.Tx) (problem string, err error) {
	var standby, readOnly bool
	err = tx.QueryRow(ctx, `SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean`).
		Scan(&standby, &readOnly)
	switch {
	case err != nil:
		return "", err
	case standby:
		return "the server is in recovery: it is a standby, not the authoritative host", nil
	case readOnly:
		return "transactions are read-only for this role", nil
	}
	return "", nil
}

// foreign says how the answer to the identity query differs from the configured one, nothing if it
// does not or if no query is configured. The query runs read-only, and what it sets is rolled
// back.
func (db *DB) foreign(ctx context.Context, tx pgx.Tx) (problem string, err error) {
	want := db.config.Identity
	if want.Query == "" {
		return "", nil
	}
	var got *string
	err = pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SET LOCAL transaction_read_only = on"); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, want.Query).Scan(&got); err != nil {
			return err
		}
		return errOver
	})
	switch {
	case !errors.Is(err, errOver):
		return "", err
	case got == nil:
		return fmt.Sprintf("the identity query returns nothing here instead of %q", want.Value), nil
	case *got != want.Value:
		return fmt.Sprintf("the identity query returns %q here instead of %q", *got, want.Value), nil
	}
	return "", nil
}
