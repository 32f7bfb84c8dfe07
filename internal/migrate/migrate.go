// Package migrate brings the bot's schema up to date. Each package that has tables there hands in
// its migrations and the name of a table that counts them.
package migrate

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/atlilith/onboardbot/internal/locks"
)

// lock makes replicas that start together migrate one after the other.
var lock = locks.Named("migrations")

// Set is the migrations of one package: files for goose v3, and the table that records which of
// them were applied.
type Set struct {
	Table string
	Files fs.FS
}

// Apply creates the schema if it is missing, applies the new migrations of each set, and then
// calls the functions, which migrate the tables of libraries. It holds one session-level lock all
// the time.
func Apply(ctx context.Context, pool *pgxpool.Pool, schema string, sets []Set,
	others ...func(context.Context) error) (err error) {
	config := pool.Config().ConnConfig.Copy()
	config.RuntimeParams["search_path"] = schema
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	session, err := locks.Open(ctx, pool)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	defer session.Close()
	if err := session.Lock(ctx, lock); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	conn := session.Conn()
	// CREATE SCHEMA IF NOT EXISTS needs the right to create one even if the schema exists.
	var exists bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`,
		schema).Scan(&exists); err != nil {
		return fmt.Errorf("schema %s: %w", schema, err)
	}
	if !exists {
		if _, err := conn.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{schema}.Sanitize()); err != nil {
			return fmt.Errorf("schema %s: %w", schema, err)
		}
	}
	for _, set := range sets {
		provider, err := goose.NewProvider(goose.DialectPostgres, db, set.Files, goose.WithTableName(set.Table))
		if err != nil {
			return fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
	}
	for _, other := range others {
		if err := other(ctx); err != nil {
			return err
		}
	}
	return nil
}
