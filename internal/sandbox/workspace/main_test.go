package workspace_test

import (
	"context"
	"io"
	"log"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// rig is a workspace behind real HTTP with a client of slack-go, and an app behind Socket Mode if
// the test starts one.
type rig struct {
	*workspace.Workspace
	url string
	api *slack.Client
}

func newRig(t *testing.T, change func(*workspace.Config)) *rig {
	t.Helper()
	cfg := workspace.Sample()
	cfg.Timing.Share = 5 * time.Millisecond
	if change != nil {
		change(&cfg)
	}
	w, err := workspace.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(w.Handler())
	t.Cleanup(func() { w.Close(); srv.Close() })
	api := slack.New(
		cfg.App.BotToken,
		slack.OptionAppLevelToken(cfg.App.AppToken),
		slack.OptionAPIURL(srv.URL+"/api/"),
	)
	return &rig{Workspace: w, url: srv.URL, api: api}
}

// app answers what comes over Socket Mode. It returns once it is connected.
func (r *rig) app(t *testing.T, handle func(*socketmode.Client, socketmode.Event)) *socketmode.Client {
	t.Helper()
	client := socketmode.New(r.api, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	hello := make(chan struct{}, 100)
	go func() { defer close(done); _ = client.RunContext(ctx) }()
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-client.Events:
				if e.Type == socketmode.EventTypeHello {
					hello <- struct{}{}
				} else if e.Request != nil {
					go handle(client, e)
				}
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	select {
	case <-hello:
	case <-time.After(10 * time.Second):
		t.Fatal("the app got no hello")
	}
	return client
}

// soon bounds what must happen without delay.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func plain(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject("plain_text", s, true, false)
}
func mrkdwn(s string) *slack.TextBlockObject {
	return slack.NewTextBlockObject("mrkdwn", s, false, false)
}

// events returns the transcript's lines of one kind.
func (r *rig) events(t *testing.T, kind string) []workspace.Event {
	t.Helper()
	all, err := r.Transcript(context.Background(), 0)
	if err != nil {
		t.Fatal(err)
	}
	var some []workspace.Event
	for _, e := range all {
		if e.Kind == kind {
			some = append(some, e)
		}
	}
	return some
}

// noTrouble fails the test if the app did something that Slack would not have told it about.
func (r *rig) noTrouble(t *testing.T) {
	t.Helper()
	for _, e := range r.events(t, workspace.KindTrouble) {
		t.Errorf("trouble: %s: %s", e.Name, e.Detail)
	}
}
