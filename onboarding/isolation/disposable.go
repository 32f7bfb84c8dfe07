package isolation

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Disposable is a database that may be changed and locked: one that a CI job makes, or a copy.
type Disposable struct {
	// OwnerDatabaseURL logs in to it as the owner of the schema.
	OwnerDatabaseURL string
	// Identity is a query that answers Authoritative on the host that must never be used. Both are
	// empty where there is no such query.
	Identity, Authoritative string
}

// ErrAuthoritative means that a database is the one that tenants use.
var ErrAuthoritative = errors.New("the database answers platform.identity as the authoritative host does: " +
	"want a disposable one")

// owner is how to log in as the owner, once the database has shown that it is not the authoritative
// one.
func (d Disposable) owner(ctx context.Context) (*pgx.ConnConfig, error) {
	if d.OwnerDatabaseURL == "" {
		return nil, errors.New("owner_database_url: missing: a login to the disposable database as the owner of " +
			"its schema")
	}
	config, err := pgx.ParseConfig(d.OwnerDatabaseURL)
	if err != nil {
		return nil, fmt.Errorf("owner_database_url: %w", err)
	}
	// The catalog of one moment is no use to a statement that was prepared before it changed.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("owner_database_url: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if d.Identity == "" {
		return config, nil
	}
	var answer *string
	err = pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, d.Identity).Scan(&answer)
	})
	if err == nil && answer != nil && *answer == d.Authoritative {
		return nil, ErrAuthoritative
	}
	return config, nil // a disposable database need not answer the query at all
}
