package ticker_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/schedule"
	"github.com/atlilith/onboardbot/internal/ticker"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// newTicker returns a ticker that sends the ticks that it handles.
func newTicker(t *testing.T, cron string, memory time.Duration) (*ticker.Ticker, chan time.Time) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	_, err = pool.Exec(t.Context(),
		`CREATE TABLE ticks (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), tick timestamptz NOT NULL)`)
	if err != nil {
		t.Fatal(err)
	}
	ticks, err := schedule.Schedule{Cron: cron}.Ticks()
	if err != nil {
		t.Fatal(err)
	}
	handled := make(chan time.Time, 100)
	return &ticker.Ticker{Pool: pool, Log: slog.New(slog.DiscardHandler), Table: "ticks", Ticks: ticks, Memory: memory,
		Do: func(_ context.Context, _ pgx.Tx, tick time.Time) error {
			handled <- tick
			return nil
		}}, handled
}

func day(t *testing.T, clock string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05", "2026-11-"+clock)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestTicker lets three replicas look at the clock at once.
func TestTicker(t *testing.T) {
	t.Parallel()
	type step struct{ what, now, want string }
	for name, c := range map[string]struct {
		memory time.Duration
		steps  []step
	}{
		"no tick is too late": {0, []step{
			{"the first start missed nothing", "23 08:00:00", ""},
			{"before the tick", "24 06:59:59", ""},
			{"on the tick", "24 07:00:00", "24 07:00:00"},
			{"not again", "24 07:00:30", ""},
			{"a clock that is behind", "24 06:59:58", ""},
			{"the newest of several days", "28 12:00:00", "28 07:00:00"},
			{"the next", "29 07:00:01", "29 07:00:00"},
		}},
		"two hours late at most": {2 * time.Hour, []step{
			{"before the first start", "23 08:00:00", "23 07:00:00"},
			{"not again", "23 08:00:30", ""},
			{"too late", "24 09:00:01", ""},
			{"late", "25 08:59:59", "25 07:00:00"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			daily, handled := newTicker(t, "0 7 * * *", c.memory)
			for _, step := range c.steps {
				var replicas sync.WaitGroup
				for range 3 {
					replicas.Go(func() {
						if err := daily.Tick(t.Context(), day(t, step.now)); err != nil {
							t.Error(err)
						}
					})
				}
				replicas.Wait()
				var got, want []time.Time
				if step.want != "" {
					want = append(want, day(t, step.want))
				}
				for len(handled) > 0 {
					got = append(got, <-handled)
				}
				if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", step.what, diff)
				}
			}
		})
	}
}

func TestATickThatFailedComesAgain(t *testing.T) {
	t.Parallel()
	daily, handled := newTicker(t, "0 7 * * *", time.Hour)
	do, failure := daily.Do, errors.New("failure")
	daily.Do = func(context.Context, pgx.Tx, time.Time) error { return failure }
	if err := daily.Tick(t.Context(), day(t, "24 07:00:00")); !errors.Is(err, failure) {
		t.Fatal(err)
	}
	daily.Do = do
	if err := daily.Tick(t.Context(), day(t, "24 07:00:01")); err != nil || len(handled) != 1 {
		t.Errorf("%d ticks, %v", len(handled), err)
	}
}

// TestRun lets the clock go.
func TestRun(t *testing.T) {
	t.Parallel()
	secondly, handled := newTicker(t, "* * * * * *", 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			if err := secondly.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	one, two := <-handled, <-handled
	cancel()
	running.Wait()
	if apart := two.Sub(one); apart < time.Second || one.Nanosecond() != 0 {
		t.Errorf("ticks at %s and %s", one, two)
	}
	secondly.Ticks = nil
	if err := secondly.Run(ctx); err != nil {
		t.Error(err)
	}
}
