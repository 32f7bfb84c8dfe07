package outbox

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/locks"
)

// Releases that run side by side during an upgrade deliver to a channel under one lock.
func TestLockOfAChannelKeepsItsKey(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig("host=/nowhere search_path=onboarding")
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d := &delivery{outbox: &Outbox{pool: pool}, channel: "C0OPS"}
	if want := locks.Numbered("outbox/C0OPS", 4430543936061734702); d.lock() != want {
		t.Errorf("the lock is %v, want %v", d.lock(), want)
	}
}

func TestBackoffGrowsToAMinute(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]time.Duration{
		0: time.Second, 1: 2 * time.Second, 5: 32 * time.Second, 6: time.Minute, 1000: time.Minute,
	} {
		if got := backoff(attempts); got != want {
			t.Errorf("backoff(%d) = %s, want %s", attempts, got, want)
		}
	}
}
