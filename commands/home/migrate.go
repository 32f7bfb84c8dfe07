package home

import (
	"embed"
	"io/fs"

	"github.com/atlilith/onboardbot/internal/migrate"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are this package's tables, for a search_path that begins with the bot's schema.
func Migrations() migrate.Set {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return migrate.Set{Table: "commands_migrations", Files: files}
}
