package bot_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/liveness"
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

var eventually = slacktest.Eventually

// world is a Slack workspace and a database, with what the tests need of the bot.
type world struct{ *slacktest.World }

func newWorld(t testing.TB, cfg workspace.Config) *world {
	t.Helper()
	return &world{slacktest.New(t, cfg, outbox.Migrations())}
}

func config(apiURL string) bot.Config {
	return bot.Config{
		BotToken: secret.New(workspace.SampleBotToken),
		AppToken: secret.New(workspace.SampleAppToken),
		APIURL:   apiURL,
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

// replica is a replica that is alive until the test ends.
func (w *world) replica(pool *pgxpool.Pool) *liveness.Replica {
	w.T.Helper()
	replica := liveness.New(pool, w.Logger())
	if err := replica.Join(w.T.Context()); err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(replica.Leave)
	return replica
}

// start runs a bot until the test ends and returns it once it is connected.
func (w *world) start(router *bot.Router, change ...func(*bot.Config)) *bot.Bot {
	w.T.Helper()
	b, stop := w.startOne(router, change...)
	w.T.Cleanup(stop)
	return b
}

func (w *world) startOne(router *bot.Router, change ...func(*bot.Config)) (b *bot.Bot, stop func()) {
	w.T.Helper()
	return w.startOver(w.Pool, router, change...)
}

// startOver is startOne for a bot with another way to the database.
func (w *world) startOver(
	pool *pgxpool.Pool, router *bot.Router, change ...func(*bot.Config),
) (b *bot.Bot, stop func()) {
	w.T.Helper()
	b = bot.New(pool, w.workspace(change...), router, w.replica(pool))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	for deadline := time.Now().Add(patience); b.Connected() == 0; time.Sleep(time.Millisecond) {
		select {
		case err := <-ended:
			w.T.Fatalf("bot ended before it was up: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			w.T.Fatal("bot is not connected")
		}
	}
	return b, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.T.Errorf("bot ended: %v", err)
		}
	})
}

// child is a replica that listens until it is killed. Its handler notes that it began, and never
// returns.
func child(dsn, apiURL string) int {
	ctx := context.Background()
	err := func() error {
		pool, err := slacktest.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		log := slog.New(slog.NewTextHandler(os.Stderr, nil))
		ws, err := bot.NewWorkspace(log, config(apiURL))
		if err != nil {
			return err
		}
		router := bot.NewRouter()
		router.Command("/onboard", func(ctx context.Context, c bot.Command) (post.Reply, error) {
			if _, err := pool.Exec(ctx, `INSERT INTO begun (word) VALUES ($1)`, c.Text); err != nil {
				return post.Reply{}, err
			}
			select {}
		})
		replica := liveness.New(pool, log)
		if err := replica.Join(ctx); err != nil {
			return err
		}
		return bot.New(pool, ws, router, replica).Run(ctx)
	}()
	fmt.Fprintln(os.Stderr, err)
	return 1
}

var errHandler = errors.New("handler says no")
