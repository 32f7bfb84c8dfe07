package watch

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep/sweeptest"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// TestJobsOfReplicas runs the jobs of two replicas: each reminder comes once, and so does the
// digest of a tick.
func TestJobsOfReplicas(t *testing.T) {
	t.Parallel()
	pool := database(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE outbox (id bigserial, line text)`); err != nil {
		t.Fatal(err)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	authority := probetest.NewAuthority(t, "Trusted")
	ports := sweeptest.ReservePorts(t)
	at := netip.MustParseAddr("127.14.0.1")
	old := authority.Issue(t, probetest.Order{Names: []string{domain}, NotBefore: time.Now().Add(-80 * aDay),
		NotAfter: time.Now().Add(10 * aDay)})
	sweeptest.Serve(t, at, ports, old)
	s := sweeper(t, authority, sweeptest.Zone{Authoritative: map[string][]netip.Addr{domain: {at}}},
		sweeptest.Disk{"vps": {sweeptest.Lineage(domain, old)}}, ports)
	inventory := certificates.Fixed{{Domain: domain, Names: []string{domain}, Host: "vps"}}
	settings := certificates.Settings{Interval: time.Second}
	// A tick of the last hours, and none of the next minutes.
	missed := time.Now().UTC().Add(-time.Hour)
	settings.Digest.Cron = fmt.Sprintf("%d %d * * *", missed.Minute(), missed.Hour())
	watch := New(pool, s, inventory, outbox{})
	for range 2 {
		replica(t, New(pool, s, inventory, outbox{}), settings)
	}
	sweeps := func() (count int) {
		if err := pool.QueryRow(t.Context(),
			`SELECT count(*) FROM river_job WHERE kind = 'certificates_sweep' AND state = 'completed'`).Scan(
			&count); err != nil {
			t.Fatal(err)
		}
		return count
	}
	for deadline := time.Now().Add(30 * time.Second); sweeps() < 3 ||
		len(lines(t, pool)) < 2; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d sweeps, %q", sweeps(), lines(t, pool))
		}
	}
	got := map[string]int{}
	for _, line := range lines(t, pool) {
		got[line]++
	}
	want := map[string]int{"notice 1/8": 1,
		"1 domain: 1 needs attention. Due to renew this week: 0.": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	expiries, err := watch.NotAfter(t.Context())
	if err != nil || !expiries[domain].Equal(old.Leaf.NotAfter) {
		t.Errorf("expiries %v, %v", expiries, err)
	}
	if count := testutil.CollectAndCount(watch.Collector(), "onboarding_certificate_expiry_days",
		"onboarding_certificate_seen_seconds"); count != 2 {
		t.Errorf("%d metrics", count)
	}
}

// replica is one process that sweeps.
func replica(t *testing.T, watch *Watch, settings certificates.Settings) {
	t.Helper()
	workers := river.NewWorkers()
	watch.AddWorkers(workers)
	digests, err := watch.DigestTicker(settings, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	periodic := watch.PeriodicJobs(settings)
	client, err := river.NewClient(riverpgxv5.New(watch.pool),
		&river.Config{Workers: workers, PeriodicJobs: periodic, TestOnly: true,
			Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
			FetchPollInterval: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	ticking, stop := context.WithCancel(context.Background())
	var ticker sync.WaitGroup
	ticker.Go(func() {
		if err := digests.Run(ticking); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		ticker.Wait()
		ending, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = client.StopAndCancel(ending)
	})
}

func TestOneSweepAtATime(t *testing.T) {
	t.Parallel()
	watch := New(database(t), new(sweep.Sweeper), nil, outbox{})
	inner := true
	outer, err := watch.alone(t.Context(), func(ctx context.Context) (err error) {
		inner, err = watch.alone(ctx, func(context.Context) error { t.Error("two sweeps at once"); return nil })
		return err
	})
	if err != nil || !outer || inner {
		t.Errorf("outer %v, inner %v, %v", outer, inner, err)
	}
	if again, err := watch.alone(t.Context(), func(context.Context) error { return nil }); err != nil || !again {
		t.Errorf("afterwards: %v, %v", again, err)
	}
}
