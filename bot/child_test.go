package bot_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
)

// The test binary runs itself as a replica that can be killed.
const (
	childDSN = "BOT_TEST_DSN"
	childURL = "BOT_TEST_SLACK"
)

// child is that replica: it delivers and listens until it is killed. /hang never returns; /count adds a row and does.
func child() int {
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	err := func() error {
		pool, err := pgxpool.New(ctx, os.Getenv(childDSN))
		if err != nil {
			return err
		}
		ws, err := bot.NewWorkspace(log, bot.Config{BotToken: secret.New(workspace.SampleBotToken),
			AppToken: secret.New(workspace.SampleAppToken), APIURL: os.Getenv(childURL), CallTimeout: time.Minute})
		if err != nil {
			return err
		}
		outbox, err := bot.NewOutbox(pool, ws)
		if err != nil {
			return err
		}
		client, err := newRiver(pool, outbox, log)
		if err != nil {
			return err
		}
		if err := client.Start(ctx); err != nil {
			return err
		}
		go func() { _ = outbox.Run(ctx) }()
		router := bot.NewRouter()
		router.Command("/onboard", func(ctx context.Context, c bot.Command) (bot.Reply, error) {
			if _, err := pool.Exec(ctx, `INSERT INTO begun (word) VALUES ($1)`, c.Text); err != nil {
				return bot.Reply{}, err
			}
			select {}
		})
		b, err := bot.New(pool, ws, router)
		if err != nil {
			return err
		}
		return b.Run(ctx)
	}()
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// replica starts a child; kill ends it as kill -9 does.
func (w *world) replica() (kill func()) {
	w.t.Helper()
	self, err := os.Executable()
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDSN+"="+w.dsn, childURL+"="+w.url)
	cmd.Stderr = w.log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	w.t.Cleanup(kill)
	return kill
}

func TestKilledBetweenSendingAndRecording(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"chat.postMessage", "files.completeUploadExternal"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			outbox, err := bot.NewOutbox(w.pool, w.workspace())
			if err != nil {
				t.Fatal(err)
			}
			w.order(workspace.Fault{Kind: workspace.FaultHang, Method: method, Delay: time.Hour})
			kill := w.replica()
			m := message("once", "once")
			if method != "chat.postMessage" {
				m.File = &bot.File{Name: "once.txt", Title: "once", Content: []byte("once")}
			}
			w.put(outbox, m)
			// Slack has it; the process waits for the answer, and dies.
			w.see("the message", func(m []workspace.Message) bool { return len(m) == 1 })
			kill()
			w.replica()
			w.put(outbox, message("next", "next"))
			w.see("the next message alone", func(m []workspace.Message) bool { return len(m) == 2 && m[1].Text == "next" })
			posted, err := outbox.Posted(t.Context(), "once")
			if err != nil || posted.TS == "" {
				t.Errorf("Posted: %+v, %v", posted, err)
			}
		})
	}
}

// A replica dies with nothing further to wake anyone: the sweep takes its channel up.
func TestKilledWithNothingElseToSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox, err := bot.NewOutbox(w.pool, w.workspace())
	if err != nil {
		t.Fatal(err)
	}
	w.order(workspace.Fault{Kind: workspace.FaultHang, Method: "chat.postMessage", Delay: time.Hour})
	kill := w.replica()
	w.put(outbox, message("root", "root"), reply("reply", "root", "reply"))
	w.see("the root", saying("root"))
	kill()
	w.replica()
	w.see("the reply", saying("root", "reply"))
}
