package watch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep/sweeptest"
	"github.com/atlilith/onboardbot/onboarding/certificates/timeline"
	"github.com/atlilith/onboardbot/onboarding/probe/probetest"
)

// TestMain runs the tests in a namespace, which the world of the acceptance test needs.
func TestMain(m *testing.M) {
	os.Exit(namespace.Main(namespace.Func(func() int { return postgres.Main(m) })))
}

const aDay = 24 * time.Hour

func sweeper(t *testing.T, authority *probetest.Authority, names sweep.Names, lineages sweep.Lineages,
	ports sweeptest.Ports) *sweep.Sweeper {
	t.Helper()
	s, err := sweep.New(sweep.Sources{
		Prober: sweeptest.Prober(t, authority, ports, time.Second), Names: names, Lineages: lineages,
		Windows: sweeptest.NoWindows{},
	}, certificates.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), postgres.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	createTables(t, pool)
	return pool
}

// outbox records in a table what was handed over.
type outbox struct{ fail error }

func (o outbox) Remind(ctx context.Context, tx pgx.Tx, r certificates.Reminder) error {
	if o.fail != nil {
		return o.fail
	}
	_, err := tx.Exec(ctx, `INSERT INTO outbox (line) VALUES ($1)`, fmt.Sprintf("%s %s", r.Level, r.About))
	return err
}

func (o outbox) Digest(ctx context.Context, tx pgx.Tx, d certificates.Digest) error {
	_, err := tx.Exec(ctx, `INSERT INTO outbox (line) VALUES ($1)`, d.Summary)
	return err
}

func lines(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT line FROM outbox ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestReplicasHandOverEachReminderOnce(t *testing.T) {
	t.Parallel()
	pool := database(t)
	if _, err := pool.Exec(t.Context(), `CREATE TABLE outbox (id bigserial, line text)`); err != nil {
		t.Fatal(err)
	}
	authority := probetest.NewAuthority(t, "Trusted")
	ports := sweeptest.ReservePorts(t)
	at := netip.MustParseAddr("127.8.0.1")
	order := probetest.Order{Names: []string{domain}, NotBefore: time.Now().Add(-80 * aDay),
		NotAfter: time.Now().Add(10 * aDay)}
	old, renewed := authority.Issue(t, order), authority.Issue(t, probetest.Order{Names: []string{domain}})
	z := sweeptest.Zone{Authoritative: map[string][]netip.Addr{domain: {at}}}
	onDisk := sweeptest.Disk{"vps": {sweeptest.Lineage(domain, old)}}
	s := sweeper(t, authority, z, onDisk, ports)
	inventory := certificates.Fixed{{Domain: domain, Names: []string{domain}, Host: "vps"}}
	tick := func(announcer outbox) []error {
		errs := make([]error, 3)
		var replicas sync.WaitGroup
		for i := range errs {
			replicas.Go(func() {
				watch := New(pool, s, inventory, announcer)
				watch.config.Patience = 0
				_, errs[i] = watch.Tick(t.Context())
			})
		}
		replicas.Wait()
		return errs
	}
	expect := func(want ...string) {
		t.Helper()
		if diff := cmp.Diff(append([]string{}, want...), lines(t, pool)); diff != "" {
			t.Error(diff)
		}
	}
	serve := func(t *testing.T) { sweeptest.Serve(t, at, ports, old) }
	t.Run("old", func(t *testing.T) {
		serve(t)
		full := errors.New("disk full")
		for _, err := range tick(outbox{full}) {
			if !errors.Is(err, full) {
				t.Errorf("error = %v, want %v", err, full)
			}
		}
		expect()
		for _, err := range append(tick(outbox{}), tick(outbox{})...) {
			if err != nil {
				t.Error(err)
			}
		}
		expect("notice 1/8")
	})
	t.Run("renewed but not reloaded", func(t *testing.T) {
		serve(t)
		onDisk["vps"] = []certificates.Lineage{sweeptest.Lineage(domain, renewed)}
		tick(outbox{})
		expect("notice 1/8", "notice fault/not reloaded")
	})
	t.Run("down", func(t *testing.T) {
		tick(outbox{})
		expect("notice 1/8", "notice fault/not reloaded", "urgent fault/refused")
	})
	t.Run("reloaded", func(t *testing.T) {
		sweeptest.Serve(t, at, ports, renewed)
		tick(outbox{})
		tick(outbox{})
		expect("notice 1/8", "notice fault/not reloaded", "urgent fault/refused", "quiet all clear",
			"quiet clear/not reloaded", "quiet clear/refused")
		past, err := New(pool, s, inventory, outbox{}).Past(t.Context(), domain)
		if err != nil || len(past) != 2 || past[0].Serial != renewed.Leaf.SerialNumber.Text(16) ||
			past[1].Serial != old.Leaf.SerialNumber.Text(16) {
			t.Errorf("past = %+v, error = %v", past, err)
		}
		report := certificates.Report{Sites: []certificates.SiteReport{
			{Site: certificates.Site{Domain: domain}, Certificates: []certificates.Certificate{
				certificates.FromX509(renewed.Leaf)}}, {Site: certificates.Site{Domain: "other.example"}}}}
		all, err := New(pool, s, inventory, outbox{}).PastOf(t.Context(), report)
		if err != nil || len(all) != 1 || len(all[domain]) != 2 {
			t.Errorf("past = %+v, error = %v", all, err)
		}
		if rows := timeline.Rows(report, s.Config().Thresholds, all); len(rows) != 2 || len(rows[0].Past) != 1 ||
			len(rows[0].Current) != 1 || rows[0].Past[0].Serial != old.Leaf.SerialNumber.Text(16) {
			t.Errorf("rows = %+v", rows)
		}
	})
	t.Run("digest", func(t *testing.T) {
		sweeptest.Serve(t, at, ports, renewed)
		due := time.Now()
		var replicas sync.WaitGroup
		for range 3 {
			replicas.Go(func() {
				if err := New(pool, s, inventory, outbox{}).Digest(t.Context(), due); err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		expect("notice 1/8", "notice fault/not reloaded", "urgent fault/refused", "quiet all clear",
			"quiet clear/not reloaded", "quiet clear/refused",
			"1 domain: 1 OK. Due to renew this week: 0.")
	})
}

func createTables(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, Tables().Files)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
}
