package reports

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/schedule"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation"
	"github.com/atlilith/onboardbot/onboarding/risk"
	"github.com/atlilith/onboardbot/onboarding/store"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// waitTimeout is how long a test waits for an event.
const waitTimeout = 20 * time.Second

// fixture is a checker and an announcer of a test, on as many replicas as it starts.
type fixture struct {
	t         *testing.T
	pool      *pgxpool.Pool
	store     *Store
	check     func(context.Context, isolation.Options) (*isolation.Report, error)
	announced chan Record
	refuse    atomic.Bool // the next announcement fails
}

func (d *fixture) Check(ctx context.Context, options isolation.Options) (*isolation.Report, error) {
	return d.check(ctx, options)
}

func (d *fixture) Announce(_ context.Context, _ pgx.Tx, record Record) error {
	if d.refuse.CompareAndSwap(true, false) {
		return errors.New("refused")
	}
	d.announced <- record
	return nil
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	config, err := pgxpool.ParseConfig(postgres.Database(t))
	must(t, err)
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	config.MaxConns = 30
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	must(t, store.Migrate(t.Context(), pool, "onboarding", Tables()))
	store, err := NewStore(pool, slog.New(slog.DiscardHandler))
	must(t, err)
	return &fixture{t: t, pool: pool, store: store, announced: make(chan Record, 10)}
}

// scheduler is one replica's, which does not run yet.
func (d *fixture) scheduler(cron string) *Scheduler {
	d.t.Helper()
	scheduler, err := NewScheduler(d.store, Settings{Channel: "C0OPS", Schedule: schedule.Schedule{Cron: cron}})
	must(d.t, err)
	return scheduler
}

// replica works on reports until the test ends, or until it is stopped.
func (d *fixture) replica() *river.Client[pgx.Tx] {
	d.t.Helper()
	workers := river.NewWorkers()
	NewWorker(d.store, NewTurn(d.pool), d, d).AddTo(workers)
	client, err := river.NewClient(riverpgxv5.New(d.pool),
		&river.Config{Workers: workers, TestOnly: true, Logger: slog.New(slog.DiscardHandler),
			JobTimeout: time.Hour, FetchCooldown: 5 * time.Millisecond, FetchPollInterval: 20 * time.Millisecond,
			Queues: map[string]river.QueueConfig{Queue: {MaxWorkers: 1}}})
	must(d.t, err)
	must(d.t, client.Start(context.Background()))
	d.t.Cleanup(func() { stop(client) })
	return client
}

func stop(client *river.Client[pgx.Tx]) {
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
	defer cancel()
	_ = client.StopAndCancel(ctx)
}

func (d *fixture) ask(request Request) Request {
	d.t.Helper()
	request.ID, request.Channel = uuid.New(), "C0OPS"
	must(d.t, d.store.Ask(d.t.Context(), request))
	return request
}

func (d *fixture) hear() Record {
	d.t.Helper()
	select {
	case record := <-d.announced:
		return record
	case <-time.After(waitTimeout):
		d.t.Fatal("nothing is announced")
	}
	panic("unreachable")
}

// settled waits until the turn of the report that was heard has ended, and with it the
// transaction that it was announced in.
func (d *fixture) settled() {
	d.t.Helper()
	must(d.t, NewTurn(d.pool).wait(d.t.Context(), func(context.Context) error { return nil }))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// saying returns a report with findings, such as "leak read a", and with what could not be
// checked.
func saying(findings []string, leftOut ...string) *isolation.Report {
	report := &isolation.Report{Verdict: isolation.Sound, Findings: []isolation.Finding{},
		Coverage: isolation.Coverage{LeftOut: leftOut}}
	for _, finding := range findings {
		var f isolation.Finding
		if _, err := fmt.Sscan(finding, &f.Kind, &f.Operation, &f.Table); err != nil {
			panic(err)
		}
		report.Findings = append(report.Findings, f)
		report.Verdict = isolation.Leaking
	}
	return report
}

func keys(findings []isolation.Finding) string {
	var list []string
	for _, finding := range findings {
		list = append(list, finding.Key())
	}
	return strings.Join(list, ", ")
}

// TestWhatChanged makes one report after the other and reads what each says about the one
// before.
func TestWhatChanged(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	var report *isolation.Report
	d.check = func(context.Context, isolation.Options) (*isolation.Report, error) {
		if report == nil {
			return nil, errors.New("no route to the platform")
		}
		return report, nil
	}
	d.replica()
	if last, err := d.store.Last(t.Context()); last != nil || err != nil {
		t.Errorf("before the first report there is %+v, %v", last, err)
	}
	var since time.Time
	for _, step := range []struct {
		what                                string
		tenant                              string
		report                              *isolation.Report
		fresh, fixed, same, unseen, problem string
	}{
		{what: "the first", report: saying(nil)},
		{what: "a leak", report: saying([]string{"leak read a"}), fresh: "leak read a"},
		{what: "as before", report: saying([]string{"leak read a"}), same: "leak read a"},
		{what: "one tenant has a past of its own", tenant: "merche", report: saying([]string{"leak read a"}),
			fresh: "leak read a"},
		{what: "one seen, the other not looked at", report: saying([]string{"leak read b"}, "a: timed out"),
			fresh: "leak read b", unseen: "leak read a"},
		{what: "nothing could be said", unseen: "leak read b, leak read a", problem: "no route to the platform"},
		{what: "still not looked at", report: saying(nil, "everything"), unseen: "leak read b, leak read a"},
		{what: "one fixed", report: saying([]string{"leak read b"}), fixed: "leak read a", same: "leak read b"},
		{what: "one for another", report: saying([]string{"risk update b"}), fresh: "risk update b",
			fixed: "leak read b"},
		{what: "a risk was proven", report: saying([]string{"leak update b"}), fresh: "leak update b"},
	} {
		report = step.report
		request := d.ask(Request{Tenant: step.tenant, By: "U0ANA"})
		got := d.hear()
		d.settled()
		want := Record{Request: request, At: got.At, Report: step.report, Problem: step.problem, Since: got.Since}
		want.Changes, want.Unseen = got.Changes, got.Unseen
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.what, diff)
		}
		for what, pair := range map[string][2]string{"new": {step.fresh, keys(got.Changes.New)},
			"fixed":     {step.fixed, keys(got.Changes.Fixed)},
			"unchanged": {step.same, keys(got.Changes.Unchanged)}, "unseen": {step.unseen, keys(got.Unseen)}} {
			if pair[0] != pair[1] {
				t.Errorf("%s: %s: %q, want %q", step.what, what, pair[1], pair[0])
			}
		}
		if step.tenant == "" {
			if !got.Since.Equal(since) {
				t.Errorf("%s: since %s, not %s", step.what, got.Since, since)
			}
			if step.report != nil {
				since = got.At
			}
			if last, err := d.store.Last(t.Context()); err != nil || last.ID != request.ID ||
				last.Problem != step.problem || !last.At.Equal(got.At) {
				t.Errorf("%s: the last is %+v, %v", step.what, last, err)
			}
		}
	}
}

// TestAnswersOnce lets three replicas work on reports, an announcement fail, and a replica stop
// amid a check: every request is answered once, and never are two checks under way.
func TestAnswersOnce(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	var under, most atomic.Int32
	began := make(chan struct{}, 1)
	var first sync.Once
	d.check = func(ctx context.Context, _ isolation.Options) (*isolation.Report, error) {
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		cut := false
		first.Do(func() {
			began <- struct{}{}
			<-ctx.Done()
			cut = true
		})
		if cut {
			return nil, ctx.Err()
		}
		return saying(nil), nil
	}
	d.refuse.Store(true)
	var asked []uuid.UUID
	leaving := d.replica()
	asked = append(asked, d.ask(Request{}).ID)
	<-began
	d.replica()
	d.replica()
	for range 3 {
		asked = append(asked, d.ask(Request{}).ID)
	}
	stop(leaving)
	var answered []uuid.UUID
	for range asked {
		answered = append(answered, d.hear().ID)
	}
	for _, list := range [][]uuid.UUID{asked, answered} {
		slices.SortFunc(list, func(a, b uuid.UUID) int { return strings.Compare(a.String(), b.String()) })
	}
	if diff := cmp.Diff(asked, answered); diff != "" || most.Load() != 1 {
		t.Errorf("%d checks at once; (-asked +answered):\n%s", most.Load(), diff)
	}
}

// TestOneTurn asks for a report and lets runs of two replicas check their tenants: never are two
// checks under way.
func TestOneTurn(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	var under, most, checks atomic.Int32
	check := func(context.Context, isolation.Options) (*isolation.Report, error) {
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		time.Sleep(20 * time.Millisecond) // a second check would begin meanwhile
		checks.Add(1)
		return saying(nil), nil
	}
	d.check = check
	d.replica()
	request := d.ask(Request{By: "U0ANA"})
	var runs sync.WaitGroup
	for range 2 {
		tenant := NewTenantCheck(checker(func(options isolation.Options) (*isolation.Report,
			error) {
			return check(t.Context(), options)
		}), NewTurn(d.pool))
		for range 3 {
			runs.Go(func() {
				if _, err := tenant.Check(t.Context(), "merche-biche"); err != nil {
					t.Error(err)
				}
			})
		}
	}
	runs.Wait()
	if got := d.hear(); got.ID != request.ID {
		t.Errorf("another report: %+v", got)
	}
	if most.Load() != 1 || checks.Load() != 7 {
		t.Errorf("%d checks, %d at once", checks.Load(), most.Load())
	}
}

// accepted is one request that operators accepted.
type accepted risk.Request

func (a *accepted) Accepted(context.Context) ([]*risk.Request, error) {
	return []*risk.Request{(*risk.Request)(a)}, nil
}

// TestAcceptedRisks has operators accept a risk that a run would warn of.
func TestAcceptedRisks(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	found := checker(func(isolation.Options) (*isolation.Report, error) {
		report := saying([]string{"risk execute a"})
		report.Findings[0].Definition = "d1"
		return report, nil
	})
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	request := &accepted{Object: "a", Operation: "execute", Definition: "d1", Reason: "only the API calls it",
		Until: tomorrow, By: onboarding.Operator{Name: "ana"},
		Votes: []risk.Vote{{Act: risk.Accept, By: onboarding.Operator{Name: "bo"}}}}
	tenant := NewTenantCheck(Accepting(found, request), NewTurn(d.pool))
	findings, err := tenant.Check(t.Context(), "merche-biche")
	must(t, err)
	if len(findings) != 2 || findings[1].Level != onboarding.OK || findings[1].Detail !=
		"execute of a: only the API calls it (requested by ana, accepted by bo, until "+tomorrow+")" {
		t.Errorf("%+v", findings)
	}
	request.Definition = "d0"
	findings, err = tenant.Check(t.Context(), "merche-biche")
	if err != nil || findings[1].Level != onboarding.Warning {
		t.Errorf("its object changed: %+v, %v", findings, err)
	}
}

// TestTicks asks several replicas at once which report is due.
func TestTicks(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	replicas := []*Scheduler{d.scheduler("0 7 * * *"), d.scheduler("0 7 * * *"), d.scheduler("0 7 * * *")}
	day := func(clock string) time.Time {
		at, err := time.Parse("2006-01-02 15:04:05", "2026-11-"+clock)
		must(t, err)
		return at
	}
	var want []string
	for _, step := range []struct{ what, now, tick string }{
		{"the first start missed nothing", "23 08:00:00", ""},
		{"before the tick", "24 06:59:59", ""},
		{"on the tick", "24 07:00:00", "24 07:00:00"},
		{"not again", "24 07:00:30", ""},
		{"a clock that is behind", "24 06:59:58", ""},
		{"days of silence: the newest alone", "28 12:00:00", "28 07:00:00"},
		{"and on", "29 07:00:01", "29 07:00:00"},
	} {
		var ticking sync.WaitGroup
		for _, scheduler := range replicas {
			ticking.Go(func() {
				if err := scheduler.ticker.Tick(t.Context(), day(step.now)); err != nil {
					t.Error(err)
				}
			})
		}
		ticking.Wait()
		if step.tick != "" {
			want = append(want, day(step.tick).Format(time.RFC3339)+" in C0OPS")
		}
		rows, err := d.pool.Query(t.Context(),
			`SELECT args->>'tick' || ' in ' || (args->>'channel') FROM river_job ORDER BY id`)
		must(t, err)
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		if diff := cmp.Diff(want, got, cmp.Transformer("empty",
			func(list []string) []string { return append([]string{}, list...) })); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", step.what, diff)
		}
	}
	// All of them were listed before any was made, so that the newest speaks for the others.
	d.check = func(context.Context, isolation.Options) (*isolation.Report, error) { return saying(nil), nil }
	d.replica()
	if record := d.hear(); !record.Tick.Equal(day("29 07:00:00")) {
		t.Errorf("a report for %s", record.Tick)
	}
	asked := d.ask(Request{})
	if record := d.hear(); record.ID != asked.ID {
		t.Errorf("another report: %+v", record)
	}
}

// TestRun lets the clock go.
func TestRun(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	d.check = func(context.Context, isolation.Options) (*isolation.Report, error) { return saying(nil), nil }
	d.replica()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for range 2 {
		scheduler := d.scheduler("* * * * * *")
		running.Go(func() {
			if err := scheduler.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	one, two := d.hear(), d.hear()
	cancel()
	running.Wait()
	if apart := two.Tick.Sub(one.Tick); apart < time.Second || one.Tick.Nanosecond() != 0 {
		t.Errorf("ticks at %s and %s", one.Tick, two.Tick)
	}
	cancelled, done := context.WithCancel(t.Context())
	done()
	must(t, d.scheduler(schedule.Never).Run(cancelled))
}

// TestDeepIsWeekly makes the next scheduled report deep once the last deep one is a week old.
func TestDeepIsWeekly(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	now := time.Now()
	due := func(at time.Time) (due bool) {
		t.Helper()
		must(t, pgx.BeginFunc(t.Context(), d.pool, func(tx pgx.Tx) (err error) {
			due, err = d.store.deepIsDue(t.Context(), tx, at)
			return err
		}))
		return due
	}
	save := func(report *isolation.Report) {
		t.Helper()
		must(t, pgx.BeginFunc(t.Context(), d.pool, func(tx pgx.Tx) error {
			_, err := insert(t.Context(), tx, &Record{Request: Request{ID: uuid.New()}, At: now, Report: report})
			return err
		}))
	}
	shallow, deep := saying(nil), saying(nil)
	deep.Coverage.Interference = &isolation.Interference{Pairs: 1}
	save(shallow)
	if !due(now) {
		t.Error("a report that was not deep counts")
	}
	save(deep)
	if due(now.Add(6*24*time.Hour)) || !due(now.Add(7*24*time.Hour)) {
		t.Error("not once a week")
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	d := newFixture(t)
	registry := prometheus.NewRegistry()
	registry.MustRegister(d.store.Collector())
	read := func() string {
		families, err := registry.Gather()
		must(t, err)
		var lines []string
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				line := family.GetName()
				for _, label := range metric.GetLabel() {
					line += " " + label.GetValue()
				}
				value := metric.GetGauge().GetValue()
				if strings.HasSuffix(family.GetName(), "_seconds") {
					value = time.Since(time.UnixMilli(int64(value * 1000))).Truncate(time.Minute).Seconds()
				}
				lines = append(lines, fmt.Sprintf("%s %g", line, value))
			}
		}
		return strings.Join(lines, "\n")
	}
	if got := read(); got != "" {
		t.Errorf("before the first report:\n%s", got)
	}
	reports := []*isolation.Report{saying([]string{"leak read a", "leak read b", "risk update c"}, "d"), nil}
	d.check = func(context.Context, isolation.Options) (*isolation.Report, error) {
		report := reports[0]
		if reports = reports[1:]; report == nil {
			return nil, errors.New("no route to the platform")
		}
		return report, nil
	}
	d.replica()
	for range 2 { // the second could say nothing, and counts for nothing
		d.ask(Request{By: "U0ANA"})
		d.hear()
		d.settled()
	}
	want := "onboarding_isolation_findings leak 2\nonboarding_isolation_findings risk " +
		"1\nonboarding_isolation_report_timestamp_seconds 0\nonboarding_isolation_unchecked 1"
	if got := read(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
