package liveness

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Lease is how long a replica may give no sign of life before others end its connections.
const Lease = 8 * time.Second

// endTimeout bounds [EndLapsed], so a server that does not answer holds up nothing.
const endTimeout = 5 * time.Second

// endLapsed ends the connections of the other replicas that have lapsed: those whose connections
// that show that they are alive were all last used longer ago than the lease, by the server's
// clock. There may be several for a while: a replica that has lost one makes another, and the
// server may not have noticed that the first is gone. One whose time is not known, as while it
// starts, counts as recent. The clock is that of the statement's start, before the activity is
// read, so a pause between the two makes nobody lapse. Both columns are those of
// https://www.postgresql.org/docs/current/monitoring-stats.html; a role sees them, and may end
// sessions, of its own role
// (https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADMIN-SIGNAL).
const endLapsed = `WITH lapsed AS (
		SELECT left(application_name, -length($1::text)) AS name FROM pg_stat_activity
		WHERE datname = current_database() AND usename = current_user
		  AND starts_with(application_name, $2::text) AND right(application_name, length($1::text)) = $1::text
		GROUP BY 1 HAVING max(coalesce(state_change, 'infinity')) < statement_timestamp() - $3::interval)
	SELECT name, count(pg_terminate_backend(pid)) FROM pg_stat_activity
	JOIN lapsed ON application_name IN (name, name || $1::text)
	WHERE datname = current_database() AND usename = current_user AND name <> $4::text
	GROUP BY name`

// EndLapsed ends all connections of the other replicas in this database that gave no sign of life
// for a lease, and returns their names. Their locks are free then. It does so for replicas that
// log in as the same role and whose connections are those of [Configure].
func EndLapsed(ctx context.Context, pool *pgxpool.Pool, lease time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	self := pool.Config().ConnConfig.RuntimeParams["application_name"]
	rows, err := pool.Query(ctx, endLapsed, aliveSuffix, namePrefix, lease, self)
	if err != nil {
		return nil, fmt.Errorf("replicas that have lapsed: %w", err)
	}
	var names []string
	var name string
	_, err = pgx.ForEachRow(rows, []any{&name, nil}, func() error {
		names = append(names, strings.TrimPrefix(name, namePrefix))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("replicas that have lapsed: %w", err)
	}
	return names, nil
}
