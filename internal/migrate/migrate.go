// Package migrate brings the bot's schema up to date: each part that keeps tables there hands in its files and a table of its
// own to count them in. It knows no table by name.
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

// Set is one part's tables: goose v3 files, and the table that counts which of them were applied.
type Set struct {
	Table string
	Files fs.FS
}

// Apply creates the schema if it is missing, applies what each set has new, and then calls the functions that bring along
// tables of others, all under one session-level lock.
func Apply(ctx context.Context, pool *pgxpool.Pool, schema string, sets []Set, others ...func(context.Context) error) (err error) {
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
	// Asked first, since CREATE SCHEMA wants the right to create one even where it is there.
	var there bool
	if err := conn.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, schema).Scan(&there); err != nil {
		return fmt.Errorf("schema %s: %w", schema, err)
	}
	if !there {
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
