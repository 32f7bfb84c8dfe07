package onboarding

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// takeoverEvery is how often a replica looks for jobs whose worker is gone. River itself would rescue them after an hour.
const takeoverEvery = 2 * time.Second

// Lease tells the other replicas that this one is alive: a session-level advisory lock on the name of its River client,
// which the database frees when the process dies, however it dies. Every replica gives back the jobs of those whose lease
// is free.
type Lease struct {
	service *Service
	client  string
	conn    *pgxpool.Conn
}

// leaseName must agree with the query in takeOver.
const leasePrefix = "onboardbot/client/"

// Lease takes the lease of a River client, which must not have started yet, and gives back what dead clients left. [Lease.Keep]
// goes on doing so.
func (s *Service) Lease(ctx context.Context, client string) (*Lease, error) {
	lease := &Lease{service: s, client: client}
	if err := lease.take(ctx); err != nil {
		return nil, err
	}
	if err := s.takeOver(ctx); err != nil {
		lease.Release()
		return nil, err
	}
	return lease, nil
}

func (l *Lease) take(ctx context.Context) error {
	conn, err := l.service.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("lease: %w", err)
	}
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, leasePrefix+l.client); err != nil {
		releaseLocks(ctx, conn)
		conn.Release()
		return fmt.Errorf("lease: %w", err)
	}
	l.conn = conn
	return nil
}

// Keep holds the lease and takes over from dead replicas until the context ends.
func (l *Lease) Keep(ctx context.Context) {
	ticker := time.NewTicker(takeoverEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := l.beat(ctx); err != nil && ctx.Err() == nil {
			l.service.log.WarnContext(ctx, "lease is not safe", "error", err)
		}
	}
}

// beat takes the lease again after a connection that broke, then takes over.
func (l *Lease) beat(ctx context.Context) error {
	if l.conn == nil || l.conn.Ping(ctx) != nil {
		l.Release()
		if err := l.take(ctx); err != nil {
			return err
		}
	}
	return l.service.takeOver(ctx)
}

// Release gives the lease back.
func (l *Lease) Release() {
	if l.conn != nil {
		releaseLocks(context.Background(), l.conn)
		l.conn.Release()
		l.conn = nil
	}
}

// takeOver makes the running jobs of dead clients available again. The last entry of attempted_by is the client that runs
// the job; pg_locks shows a bigint key as its two halves (PostgreSQL, 54.12 pg_locks).
func (s *Service) takeOver(ctx context.Context) error {
	tag, err := s.pool.Exec(ctx, `
		UPDATE river_job SET state = 'available', attempt = greatest(attempt - 1, 0), scheduled_at = now()
		WHERE state = 'running' AND NOT EXISTS (
			SELECT FROM pg_locks
			WHERE locktype = 'advisory' AND objsubid = 1 AND granted
			  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
			  AND (classid::bigint << 32 | objid::bigint) = hashtextextended($1 || attempted_by[array_upper(attempted_by, 1)], 0))`,
		leasePrefix)
	if err != nil {
		return fmt.Errorf("taking over jobs: %w", err)
	}
	if count := tag.RowsAffected(); count > 0 {
		s.log.InfoContext(ctx, "took over jobs of a replica that is gone", "jobs", count)
	}
	return nil
}
