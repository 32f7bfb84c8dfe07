package outbox_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// question is a message with a button, and the fingerprint of what it shows.
func question(t *testing.T, text string) (m post.Message, shown []byte) {
	t.Helper()
	m = message("question", text)
	m.Blocks = []slack.Block{blockkit.Section(text),
		slack.NewActionBlock("", blockkit.Button("approve", "id", "Approve", ""))}
	object, err := json.Marshal(map[string]any{"blocks": m.Blocks})
	if err != nil {
		t.Fatal(err)
	}
	return m, blockkit.Fingerprint(object)
}

// TestAVersionOfWhichNoRecordIsLeft is a press in what Slack showed because a process was killed before it
// recorded Slack's answer. Newer content replaced it.
func TestAVersionOfWhichNoRecordIsLeft(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"chat.postMessage", "chat.update"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			out, err := outbox.New(w.Pool, w.workspace())
			if err != nil {
				t.Fatal(err)
			}
			first, _ := question(t, "first")
			sent, inSent := question(t, "sent")
			never, inNever := question(t, "never sent")
			last, inLast := question(t, "last")
			kill := w.Replica()
			if method == "chat.update" {
				w.put(out, first)
				w.fingerprint("question")
			}
			w.Order(workspace.Fault{Kind: workspace.FaultHang, Method: method, Delay: time.Hour})
			w.put(out, sent)
			w.See("what is not recorded", saying("sent"))
			kill()
			w.put(out, never)
			w.put(out, last)
			w.Replica()
			w.See("the newest", saying("last"))
			var ts string
			eventually(t, "it is recorded", func() bool {
				const recorded = `SELECT ts FROM slack_messages WHERE key = 'question' AND NOT waiting`
				return w.Pool.QueryRow(t.Context(), recorded).Scan(&ts) == nil
			})
			for _, press := range []struct {
				in    string
				shown []byte
				want  outbox.Origin
			}{
				{"what was not recorded", inSent, outbox.Outdated},
				{"what was never sent", inNever, outbox.Changed},
				{"the newest", inLast, outbox.Delivered},
			} {
				_, from, err := out.Origin(t.Context(), workspace.OpsChannel, ts, press.shown)
				if err != nil || from != press.want {
					t.Errorf("a press in %s: %v, %v", press.in, from, err)
				}
			}
		})
	}
}

// TestAPressBeforeTheRecord is a press in what a delivery may show whose outcome is never recorded.
func TestAPressBeforeTheRecord(t *testing.T) {
	t.Parallel()
	_, sending := question(t, "sending")
	_, last := question(t, "last")
	_, other := question(t, "other")
	for _, press := range []struct {
		name  string
		known bool
		shown []byte
		want  outbox.Origin
	}{
		{"an update", true, sending, outbox.Outdated},
		{"a post", false, sending, outbox.Outdated},
		{"a changed message", true, other, outbox.Changed},
		{"a foreign message", false, other, outbox.Foreign},
	} {
		t.Run(press.name, func(t *testing.T) {
			t.Parallel()
			versions := outbox.Versions{Known: press.known, Last: last, Sending: [][]byte{sending}}
			from, err := outbox.Verify(t.Context(), press.shown,
				func(context.Context) (outbox.Versions, error) { return versions, nil })
			if err != nil || from != press.want {
				t.Errorf("%v, %v", from, err)
			}
		})
	}
}

// TestARefusedUpdateWasNeverShown is a press in content that Slack refused.
func TestARefusedUpdateWasNeverShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox(func(c *bot.Config) { c.UpdateEvery = 0 })
	first, _ := question(t, "first")
	refused, inRefused := question(t, "refused")
	w.put(out, first)
	w.fingerprint("question")
	w.Order(workspace.Fault{Kind: workspace.FaultError, Method: "chat.update", Error: "is_archived"})
	w.put(out, refused)
	eventually(t, "it is refused", func() bool { return w.refused()["question"] != "" })
	_, from, err := out.Origin(t.Context(), workspace.OpsChannel, w.posted(out, "question").TS, inRefused)
	if err != nil || from != outbox.Changed {
		t.Errorf("%v, %v", from, err)
	}
}
