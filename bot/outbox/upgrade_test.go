package outbox_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// describeTables lists the columns, indexes and constraints of a schema's tables, without their
// order.
const describeTables = `
	SELECT format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default)
		FROM information_schema.columns WHERE table_schema = $1
	UNION SELECT replace(indexdef, $1 || '.', '') FROM pg_indexes WHERE schemaname = $1
	UNION SELECT conrelid::regclass::text || ' ' || replace(pg_get_constraintdef(oid), ' NOT VALID', '')
		FROM pg_constraint WHERE connamespace = $1::regnamespace`

// 00001 was edited in place until 2026-11-26. Each version that a database can have applied is
// brought to what a new database has.
func TestOlderTablesAreUpgraded(t *testing.T) {
	t.Parallel()
	older, err := filepath.Glob("testdata/older/*.sql")
	if err != nil || len(older) != 3 {
		t.Fatal(older, err)
	}
	w := newWorld(t, workspace.Sample())
	tables := func(schema string) []string {
		t.Helper()
		config := w.Pool.Config().ConnConfig.Copy()
		config.RuntimeParams["search_path"] = schema
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		rows, err := conn.Query(t.Context(), describeTables, schema)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(lines) < 20 {
			t.Fatal(len(lines), err)
		}
		slices.Sort(lines)
		return lines
	}
	upgrade := func(schema string, sets ...migrate.Set) {
		t.Helper()
		for _, set := range append(sets, outbox.Migrations()) {
			if err := (migrate.Schema{Name: schema, Sets: []migrate.Set{set}}).Apply(t.Context(), w.Pool); err != nil {
				t.Fatal(err)
			}
		}
	}
	upgrade("fresh")
	want := tables("fresh")
	for _, file := range older {
		sql, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		schema := "of_" + filepath.Base(file[:len(file)-len(".sql")])
		upgrade(schema, migrate.Set{Table: outbox.Migrations().Table,
			Files: fstest.MapFS{"00001_slack.sql": {Data: sql}}})
		if diff := cmp.Diff(want, tables(schema)); diff != "" {
			t.Errorf("%s (-new database, +upgraded):\n%s", file, diff)
		}
	}
}
