package onboarding

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations is one owner's tables: files named as goose wants them below a folder migrations, counted in a table.
type Migrations struct {
	Table string
	Files fs.FS
}

// Migrate brings the bot's schema up to date: River's tables, the domain's, and those of others that live beside them.
// Replicas that start together wait for each other. The pool's connections must have the schema as their search path.
func Migrate(ctx context.Context, pool *pgxpool.Pool, schema string, others ...Migrations) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended('onboardbot/migrations', 0))`); err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	defer releaseLocks(ctx, conn)
	if _, err := conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{schema}.Sanitize()); err != nil {
		return fmt.Errorf("schema %s: %w", schema, err)
	}
	for _, each := range append([]Migrations{{Table: "onboarding_version", Files: migrations}}, others...) {
		if err := each.apply(ctx, pool); err != nil {
			return fmt.Errorf("migrations of %s: %w", each.Table, err)
		}
	}
	jobs, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return fmt.Errorf("job tables: %w", err)
	}
	if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("job tables: %w", err)
	}
	return nil
}

func (m Migrations) apply(ctx context.Context, pool *pgxpool.Pool) error {
	files, err := fs.Sub(m.Files, "migrations")
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(m.Table))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}
