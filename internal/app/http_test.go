package app

import (
	"net/http/httptest"
	"os"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/atlilith/onboardbot/internal/health"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

func TestReadinessNeedsADatabaseThatTakesWrites(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	readyz := func(readOnly string) (int, string) {
		t.Helper()
		config.ConnConfig.RuntimeParams["default_transaction_read_only"] = readOnly
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		app := &App{pool: pool}
		answer := httptest.NewRecorder()
		health.Handler(prometheus.NewRegistry(), app.checks()[0]).
			ServeHTTP(answer, httptest.NewRequest("GET", "/readyz", nil))
		return answer.Code, answer.Body.String()
	}
	if code, body := readyz("off"); code != 200 || body != "ready\n" {
		t.Errorf("a database that takes writes: %d %q", code, body)
	}
	if code, body := readyz("on"); code != 503 || body != "database: it is read-only\n" {
		t.Errorf("a read-only database: %d %q", code, body)
	}
}
