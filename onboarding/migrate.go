package onboarding

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/atlilith/onboardbot/internal/migrate"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the bot's schema up to date: River's tables, the domain's, and those of others that live beside them.
// Replicas that start together wait for each other. The pool's connections must have the schema as their search path.
func Migrate(ctx context.Context, pool *pgxpool.Pool, schema string, others ...migrate.Set) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	sets := append([]migrate.Set{{Table: "onboarding_version", Files: files}}, others...)
	return migrate.Apply(ctx, pool, schema, sets, func(ctx context.Context) error {
		jobs, err := rivermigrate.New(riverpgxv5.New(pool), nil)
		if err != nil {
			return fmt.Errorf("job tables: %w", err)
		}
		if _, err := jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return fmt.Errorf("job tables: %w", err)
		}
		return nil
	})
}
