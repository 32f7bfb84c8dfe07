package home

import (
	"embed"

	"github.com/atlilith/onboardbot/internal/migrate"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are this package's tables, for a search_path that begins with the bot's schema.
func Migrations() migrate.Set { return migrate.Embedded("commands_migrations", migrationFiles) }
