package outbox

import (
	"embed"

	"github.com/atlilith/onboardbot/internal/migrate"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the tables of everything below package bot: the outbox's own, and
// slack_envelopes, in which [bot.Bot] remembers what it handled. They belong to a search_path that
// begins with the bot's schema.
func Migrations() migrate.Set { return migrate.Embedded("slack_migrations", migrationFiles) }
