// Package jobs makes River clients that only insert jobs.
package jobs

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Inserter returns a client that works no queue. It can be made before the workers, which in turn
// need what inserts. River's tables are found by the search_path of the pool's connections.
//
// A client notifies workers of at most one insert per queue and fetch cooldown. Jobs that follow
// sooner wait for the next poll. With River's default of 100 ms most jobs of the bot would wait,
// because one click inserts several within milliseconds.
func Inserter(pool *pgxpool.Pool, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	config := &river.Config{FetchCooldown: time.Millisecond, Logger: log}
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	if err != nil {
		return nil, fmt.Errorf("job client: %w", err)
	}
	return client, nil
}
