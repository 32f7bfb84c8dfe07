package store

import (
	"context"
	"embed"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/atlilith/onboardbot/internal/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the bot's schema up to date: River's tables, the domain's, and those of others
// that live beside them. Replicas that start together wait for each other. The pool's connections
// must have the schema as their search path.
func Migrate(ctx context.Context, pool *pgxpool.Pool, schema string, others ...migrate.Set) error {
	river := func(ctx context.Context) error {
		jobs, err := rivermigrate.New(riverpgxv5.New(pool), nil)
		if err != nil {
			return fmt.Errorf("job tables: %w", err)
		}
		if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return fmt.Errorf("job tables: %w", err)
		}
		return nil
	}
	return migrate.Schema{Name: schema, Sets: append([]migrate.Set{tables()}, others...), Libraries: river}.
		Apply(ctx, pool)
}

// Progress says how far the schema is behind what [Migrate] would make of it, or ahead. It
// changes nothing.
func Progress(
	ctx context.Context, pool *pgxpool.Pool, schema string, others ...migrate.Set,
) (migrate.Progress, error) {
	progress, err := migrate.Schema{Name: schema, Sets: append([]migrate.Set{tables()}, others...)}.
		Progress(ctx, pool)
	if err != nil {
		return migrate.Progress{}, err
	}
	jobs, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: schema})
	if err != nil {
		return migrate.Progress{}, fmt.Errorf("job tables: %w", err)
	}
	applied, err := jobs.ExistingVersions(ctx)
	if err != nil {
		return migrate.Progress{}, fmt.Errorf("job tables: %w", err)
	}
	progress.Add(versions(jobs.AllVersions()), versions(applied))
	return progress, nil
}

func versions(migrations []rivermigrate.Migration) []int {
	list := make([]int, len(migrations))
	for i, migration := range migrations {
		list[i] = migration.Version
	}
	return list
}

// tables are the domain's own.
func tables() migrate.Set { return migrate.Embedded("onboarding_version", migrations) }
