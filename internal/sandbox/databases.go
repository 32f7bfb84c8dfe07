package sandbox

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/platform"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func (w *World) createDatabases(ctx context.Context) error {
	if err := platform.Create(ctx, w.Postgres); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, w.Postgres.DSN(postgres.Superuser))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, statement := range []string{
		"CREATE ROLE " + Database + " LOGIN",
		"CREATE DATABASE " + Database + " OWNER " + Database + " TEMPLATE template0",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("create the bot's database: %w", err)
		}
	}
	return nil
}

// BotDSN connects to the bot's own database as the role that owns it.
func (w *World) BotDSN() string { return w.Postgres.DSNAs(Database, Database) }

// PlatformDSN connects to the platform's database as the bot's role there.
func (w *World) PlatformDSN() string { return w.Postgres.DSNAs(platform.Onboarder, platform.Database) }

// AuditorDSN connects to the platform's database as the role of isolation checks, which may read
// all rows.
func (w *World) AuditorDSN() string { return w.Postgres.DSNAs(platform.Auditor, platform.Database) }

// AppDSN connects to the platform's database as the application.
func (w *World) AppDSN() string { return w.Postgres.DSNAs(platform.App, platform.Database) }

// AdminDSN connects to the platform's database as the superuser.
func (w *World) AdminDSN() string { return w.Postgres.DSN(platform.Database) }
