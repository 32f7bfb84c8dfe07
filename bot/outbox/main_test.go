package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/sandbox/slacktest"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
)

func TestMain(m *testing.M) {
	if dsn, url, is := slacktest.Child(); is {
		os.Exit(child(dsn, url))
	}
	os.Exit(postgres.Main(m))
}

// patience is how long a test waits for what must come.
const patience = slacktest.Patience

var (
	eventually = slacktest.Eventually
	saying     = slacktest.Saying
)

// world is a Slack workspace and a database, with what the tests need of the outbox.
type world struct{ *slacktest.World }

func newWorld(t testing.TB, cfg workspace.Config) *world {
	t.Helper()
	return &world{slacktest.New(t, cfg, outbox.Migrations())}
}

func config(apiURL string) bot.Config {
	return bot.Config{
		BotToken:    secret.New(workspace.SampleBotToken),
		AppToken:    secret.New(workspace.SampleAppToken),
		APIURL:      apiURL,
		UpdateEvery: 50 * time.Millisecond,
	}
}

func (w *world) workspace(change ...func(*bot.Config)) *bot.Workspace {
	w.T.Helper()
	cfg := config(w.APIURL)
	for _, c := range change {
		c(&cfg)
	}
	ws, err := bot.NewWorkspace(w.Logger(), cfg)
	if err != nil {
		w.T.Fatal(err)
	}
	return ws
}

// outbox starts an outbox whose deliveries run until the test ends.
func (w *world) outbox(change ...func(*bot.Config)) *outbox.Outbox {
	w.T.Helper()
	out, err := outbox.New(w.Pool, w.workspace(change...))
	if err != nil {
		w.T.Fatal(err)
	}
	client, err := newRiver(w.Pool, out, w.Logger())
	if err != nil {
		w.T.Fatal(err)
	}
	if err := client.Start(context.WithoutCancel(w.T.Context())); err != nil {
		w.T.Fatal(err)
	}
	sweeping, stop := context.WithCancel(context.Background())
	go func() { _ = out.Run(sweeping) }()
	w.T.Cleanup(func() {
		stop()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = client.StopAndCancel(ctx)
	})
	return out
}

func newRiver(pool *pgxpool.Pool, out *outbox.Outbox, log *slog.Logger) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	out.AddWorkers(workers)
	return river.NewClient(riverpgxv5.New(pool), &river.Config{Workers: workers, Logger: log,
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond,
		Queues: map[string]river.QueueConfig{outbox.Queue: {MaxWorkers: 10}}})
}

func (w *world) put(out *outbox.Outbox, messages ...post.Message) {
	w.T.Helper()
	err := pgx.BeginFunc(
		w.T.Context(),
		w.Pool,
		func(tx pgx.Tx) error { return out.Put(w.T.Context(), tx, messages...) },
	)
	if err != nil {
		w.T.Fatal(err)
	}
}

// posted is where Slack shows a message, zero when it does not.
func (w *world) posted(out *outbox.Outbox, key string) outbox.Posted {
	w.T.Helper()
	posted, err := out.Posted(w.T.Context(), w.Pool, key)
	if err != nil {
		w.T.Fatal(err)
	}
	return posted[key]
}

// refused are the errors of messages that Slack refused as they stand, by key.
func (w *world) refused() map[string]string {
	w.T.Helper()
	rows, err := w.Pool.Query(w.T.Context(), `SELECT key, error FROM slack_messages WHERE failed_hash = hash`)
	if err != nil {
		w.T.Fatal(err)
	}
	errs := map[string]string{}
	var key, text string
	if _, err := pgx.ForEachRow(rows, []any{&key, &text}, func() error { errs[key] = text; return nil }); err != nil {
		w.T.Fatal(err)
	}
	return errs
}

// child is a replica that delivers until it is killed.
func child(dsn, apiURL string) int {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := func() error {
		pool, err := slacktest.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		cfg := config(apiURL)
		cfg.CallTimeout, cfg.UpdateEvery = time.Minute, 0
		ws, err := bot.NewWorkspace(log, cfg)
		if err != nil {
			return err
		}
		out, err := outbox.New(pool, ws)
		if err != nil {
			return err
		}
		client, err := newRiver(pool, out, log)
		if err != nil {
			return err
		}
		if err := client.Start(ctx); err != nil {
			return err
		}
		return out.Run(ctx)
	}()
	fmt.Fprintln(os.Stderr, err)
	return 1
}

var errRollback = errors.New("rolled back")
