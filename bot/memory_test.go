package bot_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/slacktest"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// hurried acknowledges early, so a test need not wait for Slack's three seconds.
func hurried(c *bot.Config) { c.AckWithin = 300 * time.Millisecond }

// TestAClickThatCannotBeRemembered cuts the only replica from its database.
func TestAClickThatCannotBeRemembered(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Timing.Ack = time.Second
	w := newWorld(t, cfg)
	var handled atomic.Int64
	router := bot.NewRouter()
	router.Action("approve", func(context.Context, bot.Action) error { handled.Add(1); return nil })
	cable := w.Cable()
	b, stop := w.startOver(cable.Pool, router, hurried)
	t.Cleanup(stop)
	eventually(t, "both are up", func() bool { return b.Connected() == 2 })
	button := slack.NewActionBlock("decide", blockkit.Button("approve", "id", "Approve", ""))
	_, ts, err := w.workspace().API().PostMessageContext(t.Context(), workspace.OpsChannel,
		slack.MsgOptionText("root", false), slack.MsgOptionBlocks(button))
	if err != nil {
		t.Fatal(err)
	}
	press := workspace.Action{Do: workspace.DoPress, User: workspace.Bo, Channel: workspace.OpsChannel, Message: ts,
		Target: "Approve"}

	cable.Cut()
	if out := w.Do(press); out.Error != workspace.ErrTimeout {
		t.Errorf("Slack shows no warning: %+v", out)
	}
	w.SeeAs(workspace.Bo, workspace.OpsChannel, "the press did not count", func(seen []workspace.Message) bool {
		return len(seen) == 2 && seen[1].Ephemeral && strings.Contains(seen[1].Text, "not recorded yet")
	})
	eventually(t, "it leaves Slack", func() bool { return b.Connected() == 0 })
	if handled.Load() != 0 {
		t.Error("the press was handled")
	}
	if out := w.Do(press); out.Error != workspace.ErrDispatch {
		t.Errorf("while it is away: %+v", out)
	}
	cable.Mend()
	eventually(t, "it comes back", func() bool { return b.Connected() == 2 })
	eventually(t, "Slack delivered the press again", func() bool { return handled.Load() == 1 })
	if out := w.Do(press); out.Error != "" {
		t.Errorf("after it came back: %+v", out)
	}
	if handled.Load() != 2 {
		t.Errorf("handled %d presses of two", handled.Load())
	}
}

// TestAReadOnlyDatabaseRemembersNothing is a failover to a standby, or to a full disk.
func TestAReadOnlyDatabaseRemembersNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	cable := w.Cable()
	b, stop := w.startOver(cable.Pool, bot.NewRouter())
	t.Cleanup(stop)
	eventually(t, "both are up", func() bool { return b.Connected() == 2 })
	readOnly := func(value string) {
		t.Helper()
		sql := `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = ` + value + `',
			current_database()); END $$`
		for _, each := range []string{`SET default_transaction_read_only = off`, sql} {
			if _, err := w.Pool.Exec(t.Context(), each); err != nil {
				t.Fatal(err)
			}
		}
	}
	readOnly("on")
	cable.Cut()
	cable.Mend()
	eventually(t, "it leaves Slack", func() bool { return b.Connected() == 0 })
	if !w.Log.Contains("the database is read-only") {
		t.Error("the log does not say why")
	}
	readOnly("off")
	eventually(t, "it comes back", func() bool { return b.Connected() == 2 })
}

// TestNothingIsLostWithAnotherReplica takes the database away from one of two replicas while
// people type, in both ways in which that can happen.
func TestNothingIsLostWithAnotherReplica(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*slacktest.Cable){"cut": (*slacktest.Cable).Cut,
		"stalled": (*slacktest.Cable).Stall} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := workspace.Sample()
			cfg.Timing.Ack, cfg.Rates.Off = 10*time.Second, true
			w := newWorld(t, cfg)
			var handled sync.Map
			router := bot.NewRouter()
			router.Command("/onboard", func(_ context.Context, c bot.Command) (post.Reply, error) {
				if _, twice := handled.LoadOrStore(c.Text, true); twice {
					t.Errorf("%s was handled twice", c.Text)
				}
				return post.Reply{Text: "ok"}, nil
			})
			cable := w.Cable()
			weak, stop := w.startOver(cable.Pool, router, hurried)
			t.Cleanup(stop)
			strong := w.start(router, hurried)
			eventually(t, "all are up", func() bool { return weak.Connected()+strong.Connected() == 4 })

			var typed atomic.Int64
			enough := make(chan struct{})
			var people sync.WaitGroup
			for range 8 {
				people.Go(func() {
					for {
						select {
						case <-enough:
							return
						default:
						}
						out := w.Type(fmt.Sprint("/onboard ", typed.Add(1)))
						if out.Error != "" || out.Message == nil || out.Message.Text != "ok" {
							t.Errorf("command lost: %+v", out)
							return
						}
					}
				})
			}
			away(cable)
			eventually(t, "the weak one leaves", func() bool { return weak.Connected() == 0 })
			before := typed.Load()
			eventually(t, "the strong one answers all", func() bool { return typed.Load() > before+100 })
			cable.Mend()
			eventually(t, "the weak one comes back", func() bool { return weak.Connected() == 2 })
			close(enough)
			people.Wait()
			if strong.Connected() != 2 {
				t.Errorf("the strong one has %d connections", strong.Connected())
			}
		})
	}
}
