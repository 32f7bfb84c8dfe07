package postgres_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

func TestEachDatabaseIsItsOwn(t *testing.T) {
	for range 2 {
		conn, err := pgx.Connect(t.Context(), postgres.Database(t))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "CREATE TABLE only_here (id int)"); err != nil {
			t.Fatal(err)
		}
		if err := conn.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
