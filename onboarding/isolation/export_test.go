package isolation

import (
	"context"
	"errors"
	"time"
)

// TimeReads times the exhaustive reads alone, from the first connection to the last answer, and returns how many checks they were.
func TimeReads(ctx context.Context, cfg Config) (time.Duration, int, error) {
	c, err := New(cfg)
	if err != nil {
		return 0, 0, err
	}
	r, end, err := c.begin(ctx, Options{})
	if err != nil {
		return 0, 0, err
	}
	defer end()
	started := time.Now()
	err = r.CheckReads(ctx)
	took := time.Since(started)
	if r.Coverage.Reads == 0 {
		err = errors.Join(err, errors.New("nothing was read"))
	}
	return took, r.Coverage.Reads, err
}
