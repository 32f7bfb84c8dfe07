package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
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

// world is what the steps of a test look at: a set of things that are there or not.
type world struct {
	mu      sync.Mutex
	there   map[string]bool
	version map[string]string   // what the change of a step says, so that it can move
	parts   map[string][]string // the items of a step's change, where it has more than one
	did     map[string]onboarding.Change
	// proposed is the change that a step was last seen to need.
	proposed  map[string]onboarding.Change
	applied   map[string]int
	forbidden error // what the guard says of every item
	// broken lets a step's application fail; blind lets its look fail; hold keeps its application
	// until it is closed.
	broken, blind map[string]error
	hold          map[string]chan struct{}
	entered       chan string
	// gaze keeps a step's look until it is closed; what it sees is how things stand then. looked
	// counts the looks that began.
	gaze     map[string]chan struct{}
	looked   map[string]int
	late     map[string]int // how many looks after its application a step does not show yet
	waiting  map[string]string
	findings map[string][]onboarding.Finding
}

func newWorld() *world {
	return &world{there: map[string]bool{}, version: map[string]string{}, parts: map[string][]string{}, did: map[string]onboarding.Change{}, proposed: map[string]onboarding.Change{}, applied: map[string]int{}, broken: map[string]error{}, blind: map[string]error{},
		gaze: map[string]chan struct{}{}, looked: map[string]int{}, late: map[string]int{}, hold: map[string]chan struct{}{}, entered: make(chan string, 16), waiting: map[string]string{}, findings: map[string][]onboarding.Finding{}}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) count(key string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.applied[key]
}

// Steps: a look, a step that changes something, and one that comes after it.
func (w *world) Steps(request onboarding.Request) []onboarding.Definition {
	return []onboarding.Definition{
		{Key: "preflight", Title: "Preflight"},
		{Key: "database", Title: "Database", Destructive: true, After: []onboarding.Key{"preflight"}},
		{Key: "dns/a.example.com", Title: "DNS", Destructive: true, After: []onboarding.Key{"database"}},
		{Key: "dns/b.example.com", Title: "DNS", Destructive: true, After: []onboarding.Key{"database"}},
		{Key: "verify", Title: "Verify", After: []onboarding.Key{"dns/a.example.com", "dns/b.example.com"}},
	}
}

// UndoSteps takes the applied steps back in reverse.
func (w *world) UndoSteps(run *onboarding.Run) []onboarding.Definition {
	var definitions []onboarding.Definition
	for _, applied := range slices.Backward(run.Undoes.Applied) {
		definitions = append(definitions, onboarding.Definition{Key: "undo-" + applied.Step, Title: "Undo", Destructive: true})
	}
	return definitions
}

// RenewSteps renews, and brings home what that changed.
func (w *world) RenewSteps(run *onboarding.Run) []onboarding.Definition {
	renew := onboarding.Key("renew/" + run.Request.Domains[0].Name)
	return []onboarding.Definition{{Key: renew, Title: "Renew", Destructive: true}, {Key: "sync/" + onboarding.Key(renew.Domain()), Title: "Sync", Destructive: true, After: []onboarding.Key{renew}}}
}

func (w *world) Observe(ctx context.Context, run *onboarding.Run, key onboarding.Key) (onboarding.Observation, error) {
	name := string(key)
	w.mu.Lock()
	w.looked[name]++
	gaze := w.gaze[name]
	w.mu.Unlock()
	if gaze != nil {
		select {
		case <-gaze:
		case <-ctx.Done():
			return onboarding.Observation{}, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.blind[name]; err != nil {
		return onboarding.Observation{}, err
	}
	look := onboarding.Observation{Findings: w.findings[name]}
	if text := w.waiting[name]; text != "" {
		look.Waiting, look.Again = text, time.Second
		return look, nil
	}
	there := w.there[run.Request.Slug+"/"+name]
	if there && w.late[name] > 0 {
		w.late[name]--
		there = false
	}
	if key.Kind() == "preflight" || key.Kind() == "verify" || there {
		look.Facts = onboarding.Facts{onboarding.Fact("seen " + name): "yes"}
		return look, nil
	}
	if done, undo := strings.CutPrefix(name, "undo-"); undo {
		if w.there[run.Request.Slug+"/"+done] {
			look.Change = onboarding.Change{Summary: "unmake " + done, Items: []onboarding.Item{{Command: &onboarding.Command{Host: "vps", Argv: []string{"unmake", done}}}}}
			w.proposed[run.Request.Slug+"/"+name] = look.Change
		}
		return look, nil
	}
	parts := w.parts[name]
	if parts == nil {
		parts = []string{w.version[name]}
	}
	look.Change.Summary = fmt.Sprintf("make %s in %d parts", name, len(parts))
	for _, part := range parts {
		look.Change.Items = append(look.Change.Items, onboarding.Item{
			Command: &onboarding.Command{Host: "vps", Argv: []string{"make", run.Request.Slug, name, part}, Lock: "all"}})
	}
	w.proposed[run.Request.Slug+"/"+name] = look.Change
	return look, nil
}

func (w *world) Authorize(onboarding.Authorization, onboarding.Item) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.forbidden
}

// ApplyItem begins an application with the first item of a change, and takes effect with the
// last: a command of the world says which it is.
func (w *world) ApplyItem(ctx context.Context, auth onboarding.Authorization, item onboarding.Item, log onboarding.Log) error {
	name := string(auth.Step)
	w.mu.Lock()
	change := w.proposed[auth.Run.Request.Slug+"/"+name]
	hold, err := w.hold[name], w.broken[name]
	first := slices.Equal(item.Command.Argv, change.Items[0].Command.Argv)
	last := slices.Equal(item.Command.Argv, change.Items[len(change.Items)-1].Command.Argv)
	if first {
		w.applied[name]++
		w.did[name] = change
	}
	w.mu.Unlock()
	if first {
		log.Line("making " + name)
		select {
		case w.entered <- name:
		default:
		}
	}
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if err != nil {
		return err
	}
	if last {
		w.set(func() {
			done, undo := strings.CutPrefix(name, "undo-")
			w.there[auth.Run.Request.Slug+"/"+done] = !undo
		})
	}
	return nil
}

func (w *world) Tenant(context.Context, string) (*onboarding.Tenant, error) { return nil, nil }
func (w *world) Org(_ context.Context, slug string) (*onboarding.Org, error) {
	if slug == "cocotte" {
		return &onboarding.Org{Slug: "cocotte", Name: "Cocotte"}, nil
	}
	return nil, nil
}
func (w *world) Orgs(context.Context, string, int) ([]onboarding.Org, error) { return nil, nil }
func (w *world) EmailTaken(_ context.Context, email string) (string, error) {
	if email == "quinn@example.com" {
		return "quinn", nil
	}
	return "", nil
}
func (w *world) Deployed(_ context.Context, domain string) (bool, error) {
	return domain == "cocotte.com", nil
}

// Permissions: ada asks, bob and eve approve, mallory does nothing.
func (w *world) Permissions(_ context.Context, id string) (onboarding.Permissions, error) {
	switch id {
	case "ada", "bob", "eve":
		return onboarding.Permissions{Operator: onboarding.Operator{ID: id, Name: id}, Operates: true, Approves: true}, nil
	case "otto":
		return onboarding.Permissions{Operator: onboarding.Operator{ID: id, Name: id}, Operates: true, Refused: "otto is not on the list of approvers"}, nil
	case "nobody-answers":
		return onboarding.Permissions{}, errors.New("the directory is away")
	}
	return onboarding.Permissions{Operator: onboarding.Operator{ID: id}, Refused: "a guest"}, nil
}

// RunChanged tells the tests, once the change is committed.
func (w *world) RunChanged(ctx context.Context, tx pgx.Tx, run uuid.UUID) error {
	_, err := tx.Exec(ctx, `SELECT pg_notify('run_changed', $1)`, run.String())
	return err
}

// house is one database with as many replicas as the test starts.
type house struct {
	t      testing.TB
	dsn    string
	pool   *pgxpool.Pool
	world  *world
	config onboarding.Policy
	*service.Service
	engine *engine.Engine
}

func newHouse(t testing.TB, config onboarding.Policy) *house {
	t.Helper()
	config.Hosts = []string{"vps-0"}
	h := &house{t: t, dsn: postgres.Database(t), world: newWorld(), config: config}
	h.pool = h.connect(20)
	if err := store.Migrate(t.Context(), h.pool, "onboarding"); err != nil {
		t.Fatal(err)
	}
	h.Service, h.engine = h.parts(h.pool)
	return h
}

func (h *house) connect(connections int32) *pgxpool.Pool {
	h.t.Helper()
	config, err := pgxpool.ParseConfig(h.dsn)
	if err != nil {
		h.t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["search_path"] = "onboarding"
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(pool.Close)
	return pool
}

func (h *house) parts(pool *pgxpool.Pool) (*service.Service, *engine.Engine) {
	h.t.Helper()
	log := slog.New(slog.DiscardHandler)
	advances, err := engine.New(pool, engine.Dependencies{Runbook: h.world, Applier: h.world, Notifier: h.world}, h.config, log)
	if err != nil {
		h.t.Fatal(err)
	}
	dependencies := service.Dependencies{Runbook: h.world, Directory: h.world, Platform: h.world, Repository: h.world, Notifier: h.world,
		Engine: advances}
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

func (h *house) start() *replica { return h.startWith(10, 20) }

// startWith starts a replica that advances some runs at once over a pool of some connections.
func (h *house) startWith(runs int, connections int32) *replica {
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
		FetchCooldown: 10 * time.Millisecond, FetchPollInterval: 100 * time.Millisecond, JobTimeout: 45 * time.Minute, TestOnly: true,
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
	return onboarding.Request{Slug: slug, DisplayName: "Merche Biche", Email: slug + "@example.com", Mode: onboarding.ModePerson,
		Domains: []onboarding.Domain{{Name: slug + ".com", Host: "vps-0"}}}
}

// exec changes the database behind the product's back.
func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.pool.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) begin(slug string) uuid.UUID {
	h.t.Helper()
	run, err := h.Begin(h.t.Context(), request(slug), service.Asked{Operator: "ada", Channel: "C1", Submission: "view-" + slug})
	if err != nil {
		h.t.Fatal(err)
	}
	return run.ID
}

// until waits for the run to look as the test wants it.
func (h *house) until(id uuid.UUID, what string, seen func(*onboarding.View) bool) *onboarding.View {
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
			h.t.Fatalf("waiting until %s: %v; the run stands at\n%s", what, err, standing(view))
		}
	}
}

func standing(view *onboarding.View) string {
	text := string(view.State)
	for _, step := range view.Steps {
		text += fmt.Sprintf("\n  %s %s %s", step.Key, step.State, step.Detail)
	}
	for _, event := range view.Events {
		text += fmt.Sprintf("\n  . %s %s %s %s", event.Kind, event.Step, event.Actor.ID, event.Text)
	}
	return text
}

// asked waits for the question about a step and returns it.
func (h *house) asked(id uuid.UUID, key onboarding.Key) *onboarding.Approval {
	h.t.Helper()
	var found *onboarding.Approval
	h.until(id, "a question about "+string(key), func(view *onboarding.View) bool {
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

func (h *house) approve(id uuid.UUID, key onboarding.Key, by string) *onboarding.Approval {
	h.t.Helper()
	approval := h.asked(id, key)
	if err := h.Approve(h.t.Context(), approval.ID, by, ""); err != nil {
		h.t.Fatalf("%s approves %s: %v", by, key, err)
	}
	return approval
}

func (h *house) stepBecomes(id uuid.UUID, key onboarding.Key, state onboarding.StepState) *onboarding.View {
	h.t.Helper()
	return h.until(id, fmt.Sprintf("%s is %s", key, state), func(view *onboarding.View) bool { return view.Step(key).State == state })
}

func (h *house) runBecomes(id uuid.UUID, state onboarding.RunState) *onboarding.View {
	h.t.Helper()
	return h.until(id, "the run is "+string(state), func(view *onboarding.View) bool { return view.State == state })
}
