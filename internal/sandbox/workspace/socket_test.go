package workspace_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// dial opens a Socket Mode connection without a library, so that its habits do not hide what is
// sent.
func (r *rig) dial(t *testing.T) *websocket.Conn {
	t.Helper()
	_, link, err := r.api.StartSocketModeContext(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.DefaultDialer.DialContext(soon(t), link, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if m := next(t, conn); m["type"] != "hello" || m["connection_info"].(map[string]any)["app_id"] != "A0APP" {
		t.Fatalf("hello: %v", m)
	}
	return conn
}

func next(t *testing.T, conn *websocket.Conn) map[string]any {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := conn.ReadJSON(&m); err != nil {
		t.Fatal(err)
	}
	return m
}

func ack(t *testing.T, conn *websocket.Conn, envelope any, payload string) {
	t.Helper()
	m := map[string]any{"envelope_id": envelope}
	if payload != "" {
		m["payload"] = json.RawMessage(payload)
	}
	if err := conn.WriteJSON(m); err != nil {
		t.Fatal(err)
	}
}

// typing types a command in the background; what the person sees comes later.
func typing(t *testing.T, r *rig, text string) <-chan workspace.Outcome {
	t.Helper()
	seen := make(chan workspace.Outcome, 1)
	go func() {
		out, err := workspace.As(r, workspace.Ana).Type(soon(t), "ops", text)
		if err != nil {
			t.Error(err)
		}
		seen <- out
	}()
	return seen
}

// wait waits until that many lines of the transcript are as wanted.
func (r *rig) wait(t *testing.T, count int, wanted func(workspace.Event) bool) {
	t.Helper()
	_, err := workspace.As(r, workspace.Ana).WaitFor(soon(t), func(workspace.Screen) bool {
		all, err := r.Transcript(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range all {
			if wanted(e) {
				n++
			}
		}
		return n >= count
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTicketsWorkOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	_, link, err := r.api.StartSocketModeContext(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.DefaultDialer.Dial(link, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, res, err := websocket.DefaultDialer.Dial(link, nil)
	if err == nil || res == nil || res.StatusCode != http.StatusUnauthorized {
		t.Errorf("the second use: %v", err)
	}
}

func TestNobodyConnected(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	if out := <-typing(t, r, "/onboard help"); out.Error != workspace.ErrDispatch {
		t.Errorf("%+v", out)
	}
}

func TestCommandPayload(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) { c.App.Commands[0].ShouldEscape = true })
	conn := r.dial(t)
	seen := typing(t, r, "/onboard hi @bo in #ops #board & https://x.example <b>")
	m := next(t, conn)
	p := m["payload"].(map[string]any)
	if m["type"] != "slash_commands" || m["accepts_response_payload"] != true {
		t.Errorf("%v", m)
	}
	for name, want := range map[string]any{
		"command": "/onboard", "user_id": workspace.Ana, "channel_id": workspace.OpsChannel, "channel_name": "ops",
		"team_id": workspace.SampleTeam, "team_domain": "atlilith", "is_enterprise_install": "false",
		"text": "hi <@U0BO|bo> in <#C0OPS|ops> <#G0BOARD|> &amp; <https://x.example> &lt;b&gt;",
	} {
		if p[name] != want {
			t.Errorf("%s is %v, want %v", name, p[name], want)
		}
	}
	if _, there := p["thread_ts"]; there {
		t.Error("commands know no thread")
	}
	ack(t, conn, m["envelope_id"], `{"text":"*ok*"}`)
	if out := <-seen; out.Message == nil || !out.Message.Ephemeral || out.Message.Text != "*ok*" {
		t.Errorf("%+v", out)
	}
}

func TestAckTooLate(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) {
		c.Timing.Ack, c.Timing.Redeliver = 20*time.Millisecond, time.Millisecond
	})
	conn := r.dial(t)
	seen := typing(t, r, "/onboard help")
	first := next(t, conn)
	if out := <-seen; out.Error != workspace.ErrTimeout {
		t.Errorf("the person sees %+v", out)
	}
	again := next(t, conn)
	if again["envelope_id"] != first["envelope_id"] || again["retry_attempt"] != 1.0 {
		t.Errorf("redelivered %v after %v", again, first)
	}
	ack(t, conn, again["envelope_id"], "")
	r.wait(t, 1, func(e workspace.Event) bool { return e.Kind == workspace.KindAck && e.Error == "late" })
	ack(t, conn, "no-such-envelope", "")
	r.wait(t, 1, func(e workspace.Event) bool { return e.Kind == workspace.KindAck && e.Error == "unknown_envelope" })
}

// TestLostConnection: an envelope whose connection ends comes again on another, and an
// acknowledgement counts only where it belongs.
func TestLostConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	one, two := r.dial(t), r.dial(t)
	seen := typing(t, r, "/onboard help")
	type got struct {
		conn *websocket.Conn
		m    map[string]any
	}
	arrived := make(chan got, 4)
	for _, c := range []*websocket.Conn{one, two} {
		go func() {
			for {
				var m map[string]any
				if c.ReadJSON(&m) != nil {
					return
				}
				arrived <- got{c, m}
			}
		}()
	}
	first := <-arrived
	other := two
	if first.conn == two {
		other = one
	}
	ack(t, other, first.m["envelope_id"], "")
	r.wait(t, 1, func(e workspace.Event) bool { return e.Kind == workspace.KindAck && e.Error == "other_connection" })
	first.conn.Close()
	again := <-arrived
	if again.conn != other || again.m["envelope_id"] != first.m["envelope_id"] {
		t.Errorf("came again as %v", again.m)
	}
	ack(t, again.conn, again.m["envelope_id"], `{"text":"done"}`)
	if out := <-seen; out.Error != "" || out.Message.Text != "done" {
		t.Errorf("%+v", out)
	}
}

func TestFrameTooLarge(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	conn := r.dial(t)
	seen := typing(t, r, "/onboard help")
	m := next(t, conn)
	ack(t, conn, m["envelope_id"], `{"text":"`+strings.Repeat("x", 20480)+`"}`)
	_, _, err := conn.ReadMessage()
	if !websocket.IsCloseError(err, websocket.CloseMessageTooBig) ||
		!strings.Contains(err.Error(), "Max frame length of 20480 has been exceeded") {
		t.Errorf("closed with %v", err)
	}
	conn = r.dial(t)
	again := next(t, conn)
	if again["envelope_id"] != m["envelope_id"] {
		t.Errorf("came again as %v", again)
	}
	ack(t, conn, again["envelope_id"], "")
	if out := <-seen; out.Error != "" {
		t.Errorf("%+v", out)
	}
}

func TestRefreshWarningAndPings(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) {
		c.Timing.Refresh, c.Timing.Warning = 60*time.Millisecond, 30*time.Millisecond
		c.Timing.Linger, c.Timing.Ping = 30*time.Millisecond, 5*time.Millisecond
	})
	conn := r.dial(t)
	var pings atomic.Int32
	conn.SetPingHandler(func(string) error { pings.Add(1); return nil })
	if m := next(t, conn); m["type"] != "disconnect" || m["reason"] != "warning" {
		t.Errorf("%v", m)
	}
	if m := next(t, conn); m["type"] != "disconnect" || m["reason"] != "refresh_requested" {
		t.Errorf("%v", m)
	}
	if out := <-typing(t, r, "/onboard help"); out.Error != workspace.ErrDispatch {
		t.Errorf("a leaving connection took a command: %+v", out)
	}
	if _, _, err := conn.ReadMessage(); err == nil {
		t.Error("a refreshed connection stays open")
	}
	if pings.Load() == 0 {
		t.Error("no ping")
	}
}

func TestTooManySockets(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for range 10 {
		r.dial(t)
	}
	_, link, err := r.api.StartSocketModeContext(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.DefaultDialer.Dial(link, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if m := next(t, conn); m["reason"] != workspace.ReasonTooMany {
		t.Errorf("%v", m)
	}
}

func TestDuplicateAndRedelivered(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	conn := r.dial(t)
	ctx := soon(t)
	for _, kind := range []workspace.FaultKind{workspace.FaultDuplicate, workspace.FaultRedeliver} {
		if err := r.Order(ctx, workspace.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		seen := typing(t, r, "/onboard help")
		first := next(t, conn)
		ack(t, conn, first["envelope_id"], "")
		again := next(t, conn)
		if again["envelope_id"] != first["envelope_id"] ||
			(again["retry_attempt"] == 1.0) != (kind == workspace.FaultRedeliver) {
			t.Errorf("%s: %v after %v", kind, again, first)
		}
		ack(t, conn, again["envelope_id"], "")
		if out := <-seen; out.Error != "" {
			t.Errorf("%+v", out)
		}
	}
}

// TestDisconnected: slack-go's own client comes back after each kind of disconnect.
func TestDisconnected(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.app(t, func(c *socketmode.Client, e socketmode.Event) { _ = c.Ack(*e.Request, map[string]any{"text": "here"}) })
	ctx := soon(t)
	for i, f := range []workspace.Fault{
		{Kind: workspace.FaultDrop},
		{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonWarning},
		{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonRefresh},
		{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonDisabled},
	} {
		if err := r.Order(ctx, f); err != nil {
			t.Fatal(err)
		}
		r.wait(t, i+2, func(e workspace.Event) bool { return e.Kind == workspace.KindSocket && e.Name == "open" })
		if out := <-typing(t, r, "/onboard help"); out.Message == nil || out.Message.Text != "here" {
			t.Errorf("after %s %s: %+v", f.Kind, f.Reason, out)
		}
	}
	if err := r.Order(ctx, workspace.Fault{Kind: workspace.FaultDisconnect, Reason: "boredom"}); err == nil {
		t.Error("an unknown reason was taken")
	}
}

func TestEventRetries(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) {
		c.Timing.Ack, c.Timing.Retries = 20*time.Millisecond, []time.Duration{0, time.Millisecond, time.Millisecond}
	})
	conn := r.dial(t)
	if err := workspace.As(r, workspace.Ana).OpenHome(soon(t)); err != nil {
		t.Fatal(err)
	}
	var id any
	for attempt := range 4 {
		m := next(t, conn)
		p := m["payload"].(map[string]any)
		if attempt == 0 {
			id = p["event_id"]
		}
		if m["retry_attempt"] != float64(attempt) || p["event_id"] != id ||
			(m["retry_reason"] == "timeout") != (attempt > 0) {
			t.Errorf("attempt %d: %v", attempt, m)
		}
		event := p["event"].(map[string]any)
		if event["type"] != "app_home_opened" || event["tab"] != "home" || event["user"] != workspace.Ana ||
			event["view"] != nil {
			t.Errorf("event: %v", event)
		}
	}
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) { c.Timing.Trigger = 50 * time.Millisecond })
	conn := r.dial(t)
	view := slack.ModalViewRequest{
		Type:   slack.VTModal,
		Title:  plain("T"),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewDividerBlock()}},
	}
	trigger := func() string {
		seen := typing(t, r, "/onboard")
		m := next(t, conn)
		ack(t, conn, m["envelope_id"], "")
		<-seen
		return m["payload"].(map[string]any)["trigger_id"].(string)
	}
	id := trigger()
	if _, err := r.api.OpenView(id, view); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		id, want string
		wait     time.Duration
	}{"twice": {id, "exchanged_trigger_id", 0}, "late": {trigger(), "expired_trigger_id", 60 * time.Millisecond}} {
		<-time.After(c.wait) // Time itself is what is tested here.
		if _, err := r.api.OpenView(c.id, view); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	bad := view
	bad.Title = plain(strings.Repeat("x", 25))
	_, err := r.api.OpenView(trigger(), bad)
	var failed slack.SlackErrorResponse
	const want = "[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"
	if !errors.As(err, &failed) || failed.Err != "invalid_arguments" || failed.ResponseMetadata.Messages[1] != want {
		t.Errorf("%+v", err)
	}
}
