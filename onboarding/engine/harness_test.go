package engine_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/internal/liveness"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/engine"
	"github.com/atlilith/onboardbot/onboarding/service"
	"github.com/atlilith/onboardbot/onboarding/store"
)

func TestMain(m *testing.M) { os.Exit(postgres.Main(m)) }

// harness is one database with as many replicas as the test starts.
type harness struct {
	t      testing.TB
	dsn    string
	pool   *pgxpool.Pool
	world  *world
	config onboarding.Policy
	factor onboarding.SecondFactor // nil: nothing is signed
	*service.Service
	engine *engine.Engine
}

func newHarness(t testing.TB, config onboarding.Policy) *harness {
	t.Helper()
	return newHarnessOn(t, postgres.Filled(t, "bot", func(dsn string) error {
		pool, err := newPool(dsn, 2)
		if err != nil {
			return err
		}
		defer pool.Close()
		return store.Migrate(t.Context(), pool, "onboarding")
	}), config)
}

// newEmptyHarness is a harness whose database has no tables yet.
func newEmptyHarness(t testing.TB, config onboarding.Policy) *harness {
	t.Helper()
	return newHarnessOn(t, postgres.Database(t), config)
}

func newHarnessOn(t testing.TB, dsn string, config onboarding.Policy) *harness {
	t.Helper()
	config.Hosts = []string{"vps-0"}
	h := &harness{t: t, dsn: dsn, world: newWorld(), config: config}
	h.pool = h.connect(20)
	h.Service, h.engine = h.parts(h.pool)
	return h
}

func (h *harness) connect(connections int32) *pgxpool.Pool {
	h.t.Helper()
	pool, err := newPool(h.dsn, connections)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(pool.Close)
	return pool
}

func newPool(dsn string, connections int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	config.MaxConns = connections
	return pgxpool.NewWithConfig(context.Background(), config)
}

func (h *harness) parts(pool *pgxpool.Pool) (*service.Service, *engine.Engine) {
	h.t.Helper()
	log := slog.New(slog.DiscardHandler)
	advances, err := engine.New(pool,
		engine.Dependencies{Runbook: h.world, Applier: h.world, Directory: h.world, Notifier: h.world,
			Signer: h.factor}, h.config, log)
	if err != nil {
		h.t.Fatal(err)
	}
	dependencies := service.Dependencies{Runbook: h.world, Directory: h.world, Platform: h.world,
		Repository: h.world, Notifier: h.world,
		Engine: advances, SecondFactor: h.factor}
	serves, err := service.New(pool, dependencies, h.config, log)
	if err != nil {
		h.t.Fatal(err)
	}
	return serves, advances
}

// replica is one process of the bot, as far as runs are concerned.
type replica struct {
	client *river.Client[pgx.Tx]
	stop   context.CancelFunc
}

func (h *harness) start() *replica { return h.startWith(10, 20) }

// startWith starts a replica that advances some runs at once over a pool of some connections.
func (h *harness) startWith(runs int, connections int32) *replica {
	h.t.Helper()
	pool := h.connect(connections)
	_, advances := h.parts(pool)
	workers := river.NewWorkers()
	advances.AddWorkers(workers)
	alive := liveness.New(pool, slog.New(slog.DiscardHandler))
	if err := alive.Join(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		ID:      alive.ID(),
		Workers: workers, Queues: map[string]river.QueueConfig{engine.Queue: {MaxWorkers: runs}},
		FetchCooldown: 10 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond,
		JobTimeout: 45 * time.Minute, TestOnly: true,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := advances.TakeOver(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	if err := client.Start(ctx); err != nil {
		h.t.Fatal(err)
	}
	keeping := make(chan struct{})
	go func() {
		advances.KeepTakingOver(ctx)
		close(keeping)
	}()
	r := &replica{client: client, stop: sync.OnceFunc(func() {
		_ = client.StopAndCancel(context.Background())
		stop()
		<-keeping
		alive.Leave()
	})}
	h.t.Cleanup(r.stop)
	return r
}

func request(slug string) onboarding.Request {
	return onboarding.Request{Slug: slug, DisplayName: "Merche Biche", Email: slug + "@example.com",
		Mode:    onboarding.ModePerson,
		Domains: []onboarding.Domain{{Name: slug + ".com", Host: "vps-0"}}}
}

// exec changes the database behind the product's back.
func (h *harness) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.pool.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) begin(slug string) uuid.UUID {
	h.t.Helper()
	run, err := h.Begin(h.t.Context(), request(slug),
		service.Asked{Operator: "ada", Channel: "C1", Submission: "view-" + slug})
	if err != nil {
		h.t.Fatal(err)
	}
	return run.ID
}

// until waits for the run to be as the test wants it.
func (h *harness) until(id uuid.UUID, what string, seen func(*onboarding.View) bool) *onboarding.View {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 40*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.dsn)
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, `LISTEN run_changed`); err != nil {
		h.t.Fatal(err)
	}
	for {
		view, err := h.Records.View(ctx, id)
		if err != nil {
			h.t.Fatalf("waiting until %s: %v", what, err)
		}
		if seen(view) {
			return view
		}
		if _, err := conn.WaitForNotification(ctx); err != nil {
			h.t.Fatalf("waiting until %s: %v; the run stands at\n%s", what, err, describe(view))
		}
	}
}

func describe(view *onboarding.View) string {
	text := string(view.State)
	for _, step := range view.Steps {
		text += fmt.Sprintf("\n  %s %s %s", step.Key, step.State, step.Detail)
	}
	for _, event := range view.Events {
		text += fmt.Sprintf("\n  . %s %s %s %s", event.Kind, event.Step, event.Actor.ID, event.Text)
	}
	return text
}

// asked waits for the open approval of a step and returns it.
func (h *harness) asked(id uuid.UUID, key onboarding.Key) *onboarding.Approval {
	h.t.Helper()
	var found *onboarding.Approval
	h.until(id, "an approval request of "+string(key), func(view *onboarding.View) bool {
		for _, approval := range view.Approvals {
			if approval.Step == key && approval.State == onboarding.ApprovalOpen {
				found = approval
				return true
			}
		}
		return false
	})
	return found
}

// decision is what somebody decides in a message that was delivered.
func decision(operator, reason string) service.Decision {
	return service.Decision{Operator: operator, Reason: reason, Source: "a message",
		Shown: func(*onboarding.Approval) bool { return true }}
}

func (h *harness) approve(id uuid.UUID, key onboarding.Key, by string) *onboarding.Approval {
	h.t.Helper()
	approval := h.asked(id, key)
	if err := h.Approve(h.t.Context(), approval.ID, decision(by, "")); err != nil {
		h.t.Fatalf("%s approves %s: %v", by, key, err)
	}
	return approval
}

func (h *harness) stepBecomes(id uuid.UUID, key onboarding.Key, state onboarding.StepState) *onboarding.View {
	h.t.Helper()
	return h.until(id, fmt.Sprintf("%s is %s", key, state),
		func(view *onboarding.View) bool { return view.Step(key).State == state })
}

func (h *harness) runBecomes(id uuid.UUID, state onboarding.RunState) *onboarding.View {
	h.t.Helper()
	return h.until(id, "the run is "+string(state), func(view *onboarding.View) bool { return view.State == state })
}
