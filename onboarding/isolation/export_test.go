package isolation

import (
	"context"
	"time"

	"github.com/atlilith/onboardbot/onboarding/isolation/checks"
)

// TimeReads times the exhaustive reads alone, from the first connection to the last answer, and
// returns how many checks they were.
func TimeReads(ctx context.Context, config Config) (time.Duration, int, error) {
	c, err := New(config)
	if err != nil {
		return 0, 0, err
	}
	s, end, err := c.begin(ctx, Options{})
	if err != nil {
		return 0, 0, err
	}
	defer end()
	started := time.Now()
	if err := checks.Run(ctx, s, checks.Reads); err != nil {
		return 0, 0, err
	}
	took := time.Since(started)
	return took, checks.Report(s, started).Coverage.Reads, nil
}
