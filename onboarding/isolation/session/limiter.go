package session

import (
	"context"

	"golang.org/x/time/rate"
)

// Limiter bounds how many checks start in a second.
type Limiter struct{ rate *rate.Limiter }

// NewLimiter returns a limiter for a budget.
func NewLimiter(b Budget) *Limiter {
	return &Limiter{rate.NewLimiter(rate.Limit(b.ChecksPerSecond), max(b.ChecksPerSecond/10, 1))}
}

// Wait waits until so many checks may start.
func (l *Limiter) Wait(ctx context.Context, checks int) error {
	for checks > 0 {
		n := min(checks, l.rate.Burst())
		if err := l.rate.WaitN(ctx, n); err != nil {
			return err
		}
		checks -= n
	}
	return nil
}
