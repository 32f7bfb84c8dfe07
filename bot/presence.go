package bot

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// presence shows other replicas that this process is alive: an advisory lock on a connection of its own, which Postgres drops the
// moment the process dies.
type presence struct {
	// id is the number of the lock, random and positive.
	id     int64
	config *pgx.ConnConfig
	log    *slog.Logger
}

func newPresence(pool *pgxpool.Pool, log *slog.Logger) *presence {
	return &presence{id: rand.Int64(), config: pool.Config().ConnConfig.Copy(), log: log}
}

// begin takes the lock and keeps it until ctx ends, again after a lost connection.
func (p *presence) begin(ctx context.Context) error {
	conn, err := p.lock(ctx)
	if err != nil {
		return err
	}
	go p.keep(ctx, conn)
	return nil
}

func (p *presence) lock(ctx context.Context) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return nil, fmt.Errorf("presence: %w", err)
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", p.id); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, fmt.Errorf("presence: %w", err)
	}
	return conn, nil
}

func (p *presence) keep(ctx context.Context, conn *pgx.Conn) {
	for {
		// Nobody notifies: this returns when the connection breaks or ctx ends.
		_, err := conn.WaitForNotification(ctx)
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		_ = conn.Close(closing)
		cancel()
		if ctx.Err() != nil {
			return
		}
		p.log.Warn("lost the connection that shows this replica alive", "error", err)
		for {
			if conn, err = p.lock(ctx); err == nil {
				break
			}
			if !sleep(ctx, time.Second) {
				return
			}
		}
	}
}

// alive is an SQL condition: the replica named by a bigint expression holds its lock. PostgreSQL splits the key of such a lock in
// two halves (https://www.postgresql.org/docs/current/view-pg-locks.html).
func alive(owner string) string {
	return fmt.Sprintf(`EXISTS (
		SELECT FROM pg_locks l
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
		  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		  AND l.classid::bigint = (%[1]s >> 32) & 4294967295
		  AND l.objid::bigint = %[1]s & 4294967295)`, owner)
}
