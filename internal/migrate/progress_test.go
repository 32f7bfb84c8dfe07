package migrate_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

func TestProgress(t *testing.T) {
	t.Parallel()
	parsed, err := pgxpool.ParseConfig(postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	parsed.ConnConfig.RuntimeParams["search_path"] = "house"
	pool, err := pgxpool.NewWithConfig(t.Context(), parsed)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	file := func(table string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE " + table + " ();\n")}
	}
	house := func(sets ...migrate.Set) migrate.Schema { return migrate.Schema{Name: "house", Sets: sets} }
	first := migrate.Set{Table: "rooms_version", Files: fstest.MapFS{"00001_kitchen.sql": file("kitchen")}}
	second := migrate.Set{Table: "rooms_version",
		Files: fstest.MapFS{"00001_kitchen.sql": file("kitchen"), "00002_attic.sql": file("attic")}}
	other := migrate.Set{Table: "garden_version", Files: fstest.MapFS{"00001_beds.sql": file("beds")}}
	for _, step := range []struct {
		what  string
		apply []migrate.Set
		look  []migrate.Set
		want  migrate.Progress
	}{
		{"an empty database", nil, []migrate.Set{second, other}, migrate.Progress{Waiting: 3}},
		{"an older release was here", []migrate.Set{first}, []migrate.Set{second, other}, migrate.Progress{Waiting: 2}},
		{"all applied", []migrate.Set{second, other}, []migrate.Set{second, other}, migrate.Progress{}},
		{"a newer release was here", nil, []migrate.Set{first, other}, migrate.Progress{Newer: 1}},
	} {
		if step.apply != nil {
			if err := house(step.apply...).Apply(t.Context(), pool); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := house(step.look...).Progress(t.Context(), pool); err != nil || got != step.want {
			t.Errorf("%s: %+v, %v", step.what, got, err)
		}
	}
	if _, err := house(migrate.Set{Table: "x", Files: fstest.MapFS{"nonsense.sql": file("x")}}).
		Progress(t.Context(), pool); err == nil {
		t.Error("a file without a version")
	}
}
