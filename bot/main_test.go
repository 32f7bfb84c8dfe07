package bot_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
)

func TestMain(m *testing.M) {
	if os.Getenv(childDSN) != "" {
		os.Exit(child())
	}
	os.Exit(postgres.Main(m))
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// world is a Slack workspace and a database, with what the tests need of the bot.
type world struct {
	t     testing.TB
	slack *workspace.Workspace
	url   string
	dsn   string
	pool  *pgxpool.Pool
	log   *logBuffer
}

func newWorld(t testing.TB, cfg workspace.Config) *world {
	t.Helper()
	sim, err := workspace.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(func() {
		sim.Close()
		server.CloseClientConnections()
		server.Close()
	})
	w := &world{t: t, slack: sim, url: server.URL + "/api/", dsn: postgres.Database(t), log: &logBuffer{}}
	w.pool, err = pgxpool.New(t.Context(), w.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pool.Close)
	migrator, err := rivermigrate.New(riverpgxv5.New(w.pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil); err != nil {
		t.Fatal(err)
	}
	if err := bot.Migrate(t.Context(), w.pool, "onboarding"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("log:\n" + w.log.String())
		}
	})
	return w
}

func (w *world) logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.log, nil)) }

func (w *world) config() bot.Config {
	return bot.Config{BotToken: secret.New(workspace.SampleBotToken), AppToken: secret.New(workspace.SampleAppToken), APIURL: w.url,
		UpdateEvery: 50 * time.Millisecond}
}

func (w *world) workspace(change ...func(*bot.Config)) *bot.Workspace {
	w.t.Helper()
	cfg := w.config()
	for _, c := range change {
		c(&cfg)
	}
	ws, err := bot.NewWorkspace(w.logger(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return ws
}

// outbox starts an outbox whose deliveries run until the test ends.
func (w *world) outbox(change ...func(*bot.Config)) *bot.Outbox {
	w.t.Helper()
	outbox, err := bot.NewOutbox(w.pool, w.workspace(change...))
	if err != nil {
		w.t.Fatal(err)
	}
	client := startRiver(w.t, w.pool, outbox, w.logger())
	sweeping, stop := context.WithCancel(context.Background())
	go func() { _ = outbox.Run(sweeping) }()
	w.t.Cleanup(func() {
		stop()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = client.StopAndCancel(ctx)
	})
	return outbox
}

func startRiver(t testing.TB, pool *pgxpool.Pool, outbox *bot.Outbox, log *slog.Logger) *river.Client[pgx.Tx] {
	t.Helper()
	client, err := newRiver(pool, outbox, log)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return client
}

func newRiver(pool *pgxpool.Pool, outbox *bot.Outbox, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	outbox.AddWorkers(workers)
	return river.NewClient(riverpgxv5.New(pool), &river.Config{Workers: workers, Logger: log, PeriodicJobs: outbox.PeriodicJobs(),
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond,
		Queues: map[string]river.QueueConfig{bot.Queue: {MaxWorkers: 10}}})
}

func (w *world) put(outbox *bot.Outbox, messages ...bot.Message) {
	w.t.Helper()
	err := pgx.BeginFunc(w.t.Context(), w.pool, func(tx pgx.Tx) error { return outbox.Put(w.t.Context(), tx, messages...) })
	if err != nil {
		w.t.Fatal(err)
	}
}

// start runs a bot until the test ends and returns it once it is connected.
func (w *world) start(router *bot.Router, change ...func(*bot.Config)) *bot.Bot {
	w.t.Helper()
	b, stop := w.startOne(router, change...)
	w.t.Cleanup(stop)
	return b
}

func (w *world) startOne(router *bot.Router, change ...func(*bot.Config)) (b *bot.Bot, stop func()) {
	w.t.Helper()
	b, err := bot.New(w.pool, w.workspace(change...), router)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	select {
	case <-b.Up():
	case err := <-ended:
		w.t.Fatalf("bot ended before it was up: %v", err)
	case <-time.After(patience):
		w.t.Fatal("bot is not connected")
	}
	return b, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("bot ended: %v", err)
		}
	})
}

// see waits until Ana's view of the ops channel satisfies ok, and returns its messages.
func (w *world) see(what string, ok func([]workspace.Message) bool) []workspace.Message {
	w.t.Helper()
	return w.seeAs(workspace.Ana, workspace.OpsChannel, what, ok)
}

func (w *world) seeAs(user, channel, what string, ok func([]workspace.Message) bool) []workspace.Message {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	var messages []workspace.Message
	for version := uint64(0); ; {
		screen, err := w.slack.Look(ctx, user, version)
		if err != nil {
			w.t.Fatalf("never seen: %s: %v\nlast: %q", what, err, said(messages))
		}
		version = screen.Version
		c, _ := screen.Channel(channel)
		if messages = c.Messages; ok(messages) {
			return messages
		}
	}
}

// said is the text of each message that is still there.
func said(messages []workspace.Message) []string {
	texts := []string{}
	for _, m := range messages {
		if !m.Deleted {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func saying(want ...string) func([]workspace.Message) bool {
	return func(messages []workspace.Message) bool { return slices.Equal(said(messages), want) }
}

// calls counts the calls of a method so far.
func (w *world) calls(method string) (n int) {
	w.t.Helper()
	for _, e := range w.transcript() {
		if e.Kind == workspace.KindAPI && e.Name == method {
			n++
		}
	}
	return n
}

// called checks how often a method was called; what a call did shows a moment before the call itself.
func (w *world) called(method string, want int) {
	w.t.Helper()
	eventually(w.t, method+" was called", func() bool { return w.calls(method) >= want })
	if n := w.calls(method); n != want {
		w.t.Errorf("%s was called %d times, want %d", method, n, want)
	}
}

func (w *world) transcript() []workspace.Event {
	w.t.Helper()
	events, err := w.slack.Transcript(w.t.Context(), 0)
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

func (w *world) order(f workspace.Fault) {
	w.t.Helper()
	if err := w.slack.Order(w.t.Context(), f); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) do(a workspace.Action) workspace.Outcome {
	w.t.Helper()
	out, err := w.slack.Act(w.t.Context(), a)
	if err != nil {
		w.t.Fatalf("%s: %v", a.Do, err)
	}
	return out
}

func (w *world) type_(text string) workspace.Outcome {
	w.t.Helper()
	return w.do(workspace.Action{Do: workspace.DoType, User: workspace.Ana, Channel: workspace.OpsChannel, Text: text})
}

// inModal does something in the modal in front.
func (w *world) inModal(a workspace.Action) workspace.Outcome {
	w.t.Helper()
	screen, err := w.slack.Look(w.t.Context(), a.User, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	top, ok := screen.Top()
	if !ok {
		w.t.Fatalf("%s %s: no modal is open", a.Do, a.Target)
	}
	a.View = top.ID
	return w.do(a)
}

// eventually polls what no event announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never so: %s", what)
		}
	}
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) contains(text string) bool { return strings.Contains(b.String(), text) }

var errHandler = errors.New("handler says no")
