// Package migrate brings the bot's schema up to date. Each package that has tables there hands in
// its migrations and the name of a table that counts them.
package migrate

import (
	"context"
	"embed"
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

// Embedded returns the set of the folder migrations of a package's embedded files.
func Embedded(table string, files embed.FS) Set {
	folder, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // only a path that is not valid fails
	}
	return Set{Table: table, Files: folder}
}

// Schema is what is kept up to date.
type Schema struct {
	Name string
	Sets []Set
	// Libraries migrates the tables of libraries, after all sets. It may be nil.
	Libraries func(context.Context) error
}

// Apply creates the schema if it is missing, applies the new migrations of each set, and then
// those of libraries. It holds one session-level lock all the time.
func (s Schema) Apply(ctx context.Context, pool *pgxpool.Pool) (err error) {
	config := pool.Config().ConnConfig.Copy()
	config.RuntimeParams["search_path"] = s.Name
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
		s.Name).Scan(&exists); err != nil {
		return fmt.Errorf("schema %s: %w", s.Name, err)
	}
	if !exists {
		if _, err := conn.Exec(ctx, `CREATE SCHEMA `+pgx.Identifier{s.Name}.Sanitize()); err != nil {
			return fmt.Errorf("schema %s: %w", s.Name, err)
		}
	}
	for _, set := range s.Sets {
		provider, err := goose.NewProvider(goose.DialectPostgres, db, set.Files, goose.WithTableName(set.Table))
		if err != nil {
			return fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrations of %s: %w", set.Table, err)
		}
	}
	if s.Libraries == nil {
		return nil
	}
	return s.Libraries(ctx)
}
