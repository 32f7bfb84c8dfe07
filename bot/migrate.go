package bot

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/migrate"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrations are the bot's tables, for a search_path that begins with the bot's schema.
func Migrations() migrate.Set {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return migrate.Set{Table: "slack_migrations", Files: files}
}

// Migrate brings the bot's tables alone up to date, for a program that has no others in the schema.
func Migrate(ctx context.Context, pool *pgxpool.Pool, schema string) error {
	if !schemaName.MatchString(schema) {
		return fmt.Errorf("schema %q must match %s", schema, schemaName)
	}
	return migrate.Apply(ctx, pool, schema, []migrate.Set{Migrations()})
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
