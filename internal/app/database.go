package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/commands/home"
	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/internal/liveness"
	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/onboarding/certificates/watch"
	"github.com/atlilith/onboardbot/onboarding/isolation/reports"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// OpenPool connects to the bot's own database. Every connection has the bot's schema as its search
// path.
func OpenPool(ctx context.Context, settings config.Database) (*pgxpool.Pool, error) {
	parsed, err := pgxpool.ParseConfig(settings.URL.Reveal())
	if err != nil {
		return nil, errors.New("database.url is not a connection string")
	}
	parsed.MaxConns = settings.Connections
	parsed.ConnConfig.RuntimeParams["search_path"] = settings.Schema
	liveness.Configure(parsed.ConnConfig)
	store.ReadAhead(parsed.ConnConfig)
	pool, err := pgxpool.NewWithConfig(ctx, parsed)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return pool, nil
}

// migrateTables brings the tables up to date, as the role that owns them. Where that is another
// role than the one that serves, it limits what the serving role can change.
func migrateTables(ctx context.Context, serving *pgxpool.Pool, settings config.Database) error {
	if settings.OwnerURL.IsZero() {
		return store.Migrate(ctx, serving, settings.Schema, Tables()...)
	}
	owner, err := OpenPool(ctx, settings.AsOwner())
	if err != nil {
		return err
	}
	defer owner.Close()
	if err := store.Migrate(ctx, owner, settings.Schema, Tables()...); err != nil {
		return fmt.Errorf("database.owner_url: %w", err)
	}
	var role string
	if err := serving.QueryRow(ctx, `SELECT current_user`).Scan(&role); err != nil {
		return fmt.Errorf("database: %w", err)
	}
	return store.Restrict(ctx, owner, settings.Schema, role)
}

// Tables are the tables in the bot's schema that package onboarding does not know.
func Tables() []migrate.Set {
	return []migrate.Set{outbox.Migrations(), reports.Tables(), watch.Tables(), home.Migrations()}
}
