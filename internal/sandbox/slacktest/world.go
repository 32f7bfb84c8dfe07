// Package slacktest gives tests a simulated Slack workspace and a database of their own, with what
// such tests do and wait for.
package slacktest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// Patience is how long a test waits for what must come.
const Patience = 20 * time.Second

// schema is where the tables of a world are, River's included.
const schema = "onboarding"

// World is a Slack workspace and a database. It ends with its test, and then shows the log if the
// test failed.
type World struct {
	T     testing.TB
	Slack *workspace.Workspace
	// APIURL is where the workspace's Web API is, ending in a slash.
	APIURL string
	// DSN is the database that Pool is connected to; see [Connect].
	DSN  string
	Pool *pgxpool.Pool
	Log  *Log
}

// New starts a workspace and prepares a database with tables and River's own. The test binary's
// TestMain must call postgres.Main.
func New(t testing.TB, cfg workspace.Config, tables ...migrate.Set) *World {
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
	names := "world"
	for _, set := range tables {
		names += " " + set.Table
	}
	dsn := postgres.Filled(t, names, func(dsn string) error { return fill(t.Context(), dsn, tables) })
	w := &World{T: t, Slack: sim, APIURL: server.URL + "/api/", DSN: dsn, Log: &Log{}}
	if w.Pool, err = Connect(t.Context(), w.DSN); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Pool.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("log:\n" + w.Log.String())
		}
	})
	return w
}

// fill creates tables and River's own in a database.
func fill(ctx context.Context, dsn string, tables []migrate.Set) error {
	pool, err := Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	migrator, err := rivermigrate.New(riverpgxv5.New(pool),
		&rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	river := func(ctx context.Context) error {
		_, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
		return err
	}
	return migrate.Schema{Name: schema, Sets: tables, Libraries: river}.Apply(ctx, pool)
}

// Connect returns a pool whose search_path is the schema of a world's tables.
func Connect(ctx context.Context, dsn string) (*pgxpool.Pool, error) {
	config, err := poolConfig(dsn)
	if err != nil {
		return nil, err
	}
	return pgxpool.NewWithConfig(ctx, config)
}

func poolConfig(dsn string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.RuntimeParams["search_path"] = schema
	return config, nil
}

// Logger writes to the world's log.
func (w *World) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(w.Log, nil)) }

// See waits until Ana's view of the ops channel satisfies ok, and returns its messages.
func (w *World) See(what string, ok func([]workspace.Message) bool) []workspace.Message {
	w.T.Helper()
	return w.SeeAs(workspace.Ana, workspace.OpsChannel, what, ok)
}

// SeeAs is See for another person and channel.
func (w *World) SeeAs(user, channel, what string, ok func([]workspace.Message) bool) []workspace.Message {
	w.T.Helper()
	ctx, cancel := context.WithTimeout(w.T.Context(), Patience)
	defer cancel()
	var messages []workspace.Message
	for version := uint64(0); ; {
		screen, err := w.Slack.Look(ctx, user, version)
		if err != nil {
			w.T.Fatalf("never seen: %s: %v\nlast: %q", what, err, texts(messages))
		}
		version = screen.Version
		c, _ := screen.Channel(channel)
		if messages = c.Messages; ok(messages) {
			return messages
		}
	}
}

// texts are the texts of the messages that are still there.
func texts(messages []workspace.Message) []string {
	all := []string{}
	for _, m := range messages {
		if !m.Deleted {
			all = append(all, m.Text)
		}
	}
	return all
}

// Saying reports whether messages have these texts and no others.
func Saying(want ...string) func([]workspace.Message) bool {
	return func(messages []workspace.Message) bool { return slices.Equal(texts(messages), want) }
}

// Calls counts the calls of a Web API method so far.
func (w *World) Calls(method string) (n int) {
	w.T.Helper()
	for _, e := range w.Transcript() {
		if e.Kind == workspace.KindAPI && e.Name == method {
			n++
		}
	}
	return n
}

// Called checks how often a method was called. The effect of a call shows a moment before the call
// itself.
func (w *World) Called(method string, want int) {
	w.T.Helper()
	Eventually(w.T, method+" was called", func() bool { return w.Calls(method) >= want })
	if n := w.Calls(method); n != want {
		w.T.Errorf("%s was called %d times, want %d", method, n, want)
	}
}

// Transcript is everything that passed between the bot and the workspace.
func (w *World) Transcript() []workspace.Event {
	w.T.Helper()
	events, err := w.Slack.Transcript(w.T.Context(), 0)
	if err != nil {
		w.T.Fatal(err)
	}
	return events
}

// Order orders a fault.
func (w *World) Order(f workspace.Fault) {
	w.T.Helper()
	if err := w.Slack.Order(w.T.Context(), f); err != nil {
		w.T.Fatal(err)
	}
}

// Do does what a person does.
func (w *World) Do(a workspace.Action) workspace.Outcome {
	w.T.Helper()
	out, err := w.Slack.Act(w.T.Context(), a)
	if err != nil {
		w.T.Fatalf("%s: %v", a.Do, err)
	}
	return out
}

// Type types a text as Ana in the ops channel.
func (w *World) Type(text string) workspace.Outcome {
	w.T.Helper()
	return w.Do(workspace.Action{Do: workspace.DoType, User: workspace.Ana, Channel: workspace.OpsChannel, Text: text})
}

// InModal does something in the modal in front of a person.
func (w *World) InModal(a workspace.Action) workspace.Outcome {
	w.T.Helper()
	screen, err := w.Slack.Look(w.T.Context(), a.User, 0)
	if err != nil {
		w.T.Fatal(err)
	}
	top, ok := screen.Top()
	if !ok {
		w.T.Fatalf("%s %s: no modal is open", a.Do, a.Target)
	}
	a.View = top.ID
	return w.Do(a)
}

// Eventually polls until ok, for what no event announces.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never so: %s", what)
		}
	}
}
