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
	setup, end, err := c.begin(ctx, Options{})
	if err != nil {
		return 0, 0, err
	}
	defer end()
	started := time.Now()
	if err := setup.Run(ctx, checks.Reads); err != nil {
		return 0, 0, err
	}
	took := time.Since(started)
	return took, setup.Report(started).Coverage.Reads, nil
}
