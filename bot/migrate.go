package bot

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// versionTable keeps the bot's own versions apart from those of other packages in the same schema.
const versionTable = "slack_migrations"

// migrationLock is the advisory lock under which replicas that start together migrate one after the other.
const migrationLock = 0x6f6e626f74736c6b // "onbotslk"

// Migrations are the bot's tables as goose v3 files, for a search_path that begins with the bot's schema.
func Migrations() fs.FS {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return files
}

// Migrate creates the schema and brings the bot's tables up to date, under a session-level advisory lock. It connects as the pool
// does, whose role must own the schema or may create it.
func Migrate(ctx context.Context, pool *pgxpool.Pool, schema string) (err error) {
	if !schemaName.MatchString(schema) {
		return fmt.Errorf("schema %q must match %s", schema, schemaName)
	}
	config := pool.Config().ConnConfig.Copy()
	config.RuntimeParams["search_path"] = schema
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrate slack tables: %w", err)
	}
	defer conn.Close()
	// The lock ends with its connection, which db.Close closes.
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", int64(migrationLock)); err != nil {
		return fmt.Errorf("migrate slack tables: %w", err)
	}
	var exists bool
	if err := conn.QueryRowContext(ctx, "SELECT to_regnamespace($1) IS NOT NULL", schema).Scan(&exists); err != nil {
		return fmt.Errorf("migrate slack tables: %w", err)
	}
	if !exists {
		if _, err := conn.ExecContext(ctx, "CREATE SCHEMA IF NOT EXISTS "+pgx.Identifier{schema}.Sanitize()); err != nil {
			return fmt.Errorf("create schema %s: %w", schema, err)
		}
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, Migrations(), goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("migrate slack tables: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate slack tables: %w", err)
	}
	return nil
}

// tables writes queries for one schema: every slack_ table named in them is qualified.
type tables struct{ qualify *strings.Replacer }

func newTables(schema string) tables {
	var pairs []string
	for _, table := range []string{"slack_envelopes", "slack_messages", "slack_holds"} {
		pairs = append(pairs, table, pgx.Identifier{schema, table}.Sanitize())
	}
	return tables{strings.NewReplacer(pairs...)}
}

func (t tables) sql(query string) string { return t.qualify.Replace(query) }
