// Package jobs makes the River clients that only put jobs into a transaction. What the jobs are, and who works them, belongs
// to the packages that put them.
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

// Inserter returns a client that works no queue, so that it can be made before the workers that need whoever inserts. The schema
// is where River's tables are, empty for the connections' search path.
//
// A client notifies workers of at most one insert per queue and fetch cooldown; those that follow sooner wait for the next poll.
// With River's 100 ms that is what most of our jobs would do, since one click leads to several within milliseconds.
func Inserter(pool *pgxpool.Pool, schema string, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{Schema: schema, FetchCooldown: time.Millisecond, Logger: log})
	if err != nil {
		return nil, fmt.Errorf("job client: %w", err)
	}
	return client, nil
}
