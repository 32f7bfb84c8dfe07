package outbox

import (
	"embed"
	"io/fs"

	"github.com/atlilith/onboardbot/internal/migrate"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the tables of everything below package bot: the outbox's own, and
// slack_envelopes, in which [bot.Bot] remembers what it handled. They belong to a search_path that
// begins with the bot's schema.
func Migrations() migrate.Set {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return migrate.Set{Table: "slack_migrations", Files: files}
}
