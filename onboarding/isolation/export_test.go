package isolation

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// TimeReads times the exhaustive reads alone, from the first connection to the last answer, and returns how many checks they were.
func TimeReads(ctx context.Context, cfg Config) (time.Duration, int, error) {
	c, err := New(cfg)
	if err != nil {
		return 0, 0, err
	}
	admin, err := pgxpool.NewWithConfig(ctx, c.admin)
	if err != nil {
		return 0, 0, err
	}
	defer admin.Close()
	r := newRun(c, admin)
	defer r.hangUp(ctx)
	if err := r.prepare(ctx, c, Options{}); err != nil {
		return 0, 0, err
	}
	started := time.Now()
	if err := r.checkReads(ctx); err != nil {
		return 0, 0, err
	}
	return time.Since(started), r.coverage.Reads, nil
}
