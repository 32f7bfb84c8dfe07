package webapi

import (
	"context"
	"time"

	"github.com/sethvargo/go-retry"
)

const (
	// brieflyAttempts and longestWait bound the retries of a call that a person waits for.
	brieflyAttempts = 3
	longestWait     = 2 * time.Second
)

// RetryBriefly repeats a call that did not take effect: one that was throttled for at most two
// seconds, or never sent. With repeatable it also repeats a call that may have taken effect. It
// makes at most three attempts, since a person waits and a trigger_id lives for 3 seconds, and
// returns the error of the last one.
func RetryBriefly(ctx context.Context, repeatable bool, call func() error) error {
	var last error
	var wait time.Duration
	attempt := 1
	pause := retry.BackoffFunc(func() (time.Duration, bool) {
		stop := attempt == brieflyAttempts
		attempt++
		return max(wait, time.Duration(attempt-1)*100*time.Millisecond), stop
	})
	err := retry.Do(ctx, pause, func(context.Context) error {
		var outcome Outcome
		last = call()
		outcome, wait = Classify(last)
		if outcome == Throttled && wait <= longestWait || outcome == Unsent || outcome == Unsure && repeatable {
			return retry.RetryableError(last)
		}
		return last
	})
	if last != nil {
		return last
	}
	return err // ctx had ended before the first attempt
}
