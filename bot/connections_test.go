package bot_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/bot/webapi"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/internal/secret"
)

func counting(n *atomic.Int64) *bot.Router {
	router := bot.NewRouter()
	router.Command("/onboard", func(context.Context, bot.Command) (post.Reply, error) {
		n.Add(1)
		return post.Reply{Text: "ok"}, nil
	})
	return router
}

func TestConnectedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	began := time.Now()
	b := w.start(bot.NewRouter())
	if took := time.Since(began); took > 300*time.Millisecond {
		t.Errorf("the first connection took %s", took)
	}
	eventually(t, "both are up", func() bool { return b.Connected() == 2 })
	t.Logf("both up after %s", time.Since(began))
}

// Commands flow while Slack refreshes one connection after the other, and both at once after a
// warning: none is lost.
func TestRefreshLosesNothing(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Timing.Linger = 300 * time.Millisecond
	cfg.Rates.Off = true
	w := newWorld(t, cfg)
	var handled atomic.Int64
	b := w.start(counting(&handled))
	eventually(t, "both are up", func() bool { return b.Connected() == 2 })

	const refreshes, writers = 6, 8
	stop := make(chan struct{})
	var sent atomic.Int64
	var people sync.WaitGroup
	for range writers {
		people.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				sent.Add(1)
				out, err := w.Slack.Act(
					t.Context(),
					workspace.Action{Do: workspace.DoType, User: workspace.Ana, Channel: workspace.OpsChannel,
						Text: fmt.Sprint("/onboard ", sent.Load())},
				)
				if err != nil || out.Error != "" || out.Message == nil || out.Message.Text != "ok" {
					t.Errorf("command lost: %+v, %v", out, err)
					return
				}
			}
		})
	}
	for i := range refreshes {
		// The last is a warning to both, which go on until their successors are long up.
		fault := workspace.Fault{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonRefresh, Times: 1}
		up := 2
		if i == refreshes-1 {
			fault, up = workspace.Fault{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonWarning}, 4
		}
		w.Order(fault)
		eventually(
			t,
			"a successor is up",
			func() bool { return strings.Count(w.Log.String(), "connection up") >= 3+i },
		)
		eventually(t, "the old one ended", func() bool { return b.Connected() == up })
		before := sent.Load()
		eventually(t, "commands flow", func() bool { return sent.Load() > before+100 })
	}
	close(stop)
	people.Wait()
	if handled.Load() != sent.Load() {
		t.Errorf("%d sent, %d handled", sent.Load(), handled.Load())
	}
	for _, e := range w.Transcript() {
		if e.Kind == workspace.KindAck && e.Error != "" {
			t.Errorf("acknowledgement refused: %+v", e)
			break
		}
	}
	t.Logf("%d commands over %d refreshes", sent.Load(), refreshes)
}

// Connections that were opened together live as long as each other; they must not end together.
func TestConnectionsAreStaggered(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Timing.Refresh, cfg.Timing.Warning, cfg.Timing.Linger = 3*time.Second, 3*time.Second, time.Millisecond
	cfg.Rates.Off = true
	w := newWorld(t, cfg)
	var handled atomic.Int64
	b := w.start(counting(&handled))
	eventually(t, "both are up", func() bool { return b.Connected() == 2 })
	// No warning comes, and a refreshed connection ends at once: what saves the bot is that the
	// other one is younger.
	for began := time.Now(); time.Since(began) < 5*time.Second; {
		if out := w.Type("/onboard"); out.Error == workspace.ErrDispatch {
			t.Fatalf("nobody was connected after %s", time.Since(began))
		}
	}
	if n := strings.Count(w.Log.String(), "connection ended"); n < 2 {
		t.Errorf("only %d connections ended", n)
	}
}

func TestReconnectsAfterDrop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	var handled atomic.Int64
	b := w.start(counting(&handled))
	eventually(t, "both are up", func() bool { return b.Connected() == 2 })
	for range 2 {
		w.Order(workspace.Fault{Kind: workspace.FaultDrop})
		eventually(t, "both are down", func() bool { return b.Connected() < 2 })
		eventually(t, "both are up", func() bool { return b.Connected() == 2 })
	}
	if out := w.Type("/onboard"); out.Message == nil {
		t.Errorf("after the drop: %+v", out)
	}
}

func TestDisabledLinkIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	b, stop := w.startOne(bot.NewRouter())
	eventually(t, "both are up", func() bool { return b.Connected() == 2 })
	w.Order(workspace.Fault{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonDisabled})
	eventually(t, "the notice is heard", func() bool { return strings.Count(w.Log.String(), "link_disabled") >= 2 })
	opened := w.Calls("apps.connections.open")
	// The end does not wait for the pause that Slack asks for.
	stop()
	if opened != 2 || w.Calls("apps.connections.open") != 2 {
		t.Errorf("%d connections were asked for", w.Calls("apps.connections.open"))
	}
}

func TestRevokedEndsTheBot(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*bot.Config)
		method string
		reason string
	}{
		{"app token", func(c *bot.Config) { c.AppToken = secret.New("xapp-wrong") }, "", "invalid_auth"},
		{"bot token", func(c *bot.Config) { c.BotToken = secret.New("xoxb-wrong") }, "", "invalid_auth"},
		{"revoked app", func(*bot.Config) {}, "apps.connections.open", "account_inactive"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			if tc.method != "" {
				w.Order(workspace.Fault{Kind: workspace.FaultError, Method: tc.method, Error: tc.reason, Times: 5})
			}
			b := bot.New(w.Pool, w.workspace(tc.change), bot.NewRouter(), w.replica(w.Pool))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			err := b.Run(ctx)
			if !errors.Is(err, webapi.ErrRevoked) || !strings.Contains(err.Error(), tc.reason) ||
				strings.Contains(err.Error(), "wrong") {
				t.Errorf("Run: %v", err)
			}
		})
	}
}

func TestStopWaitsForHandlers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	entered, leave := make(chan struct{}), make(chan struct{})
	router := bot.NewRouter()
	router.Command("/onboard", func(ctx context.Context, _ bot.Command) (post.Reply, error) {
		close(entered)
		<-leave
		return post.Reply{Text: "finished"}, ctx.Err()
	})
	_, stop := w.startOne(router)
	outcome := make(chan workspace.Outcome, 1)
	go func() { outcome <- w.Type("/onboard") }()
	<-entered
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(leave)
	<-stopped
	if out := <-outcome; out.Message == nil || out.Message.Text != "finished" {
		t.Errorf("the person saw %+v", out)
	}
}
