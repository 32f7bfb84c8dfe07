package outbox_test

import (
	"testing"
	"time"

	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestKilledBetweenSendingAndRecording(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"chat.postMessage", "files.completeUploadExternal"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			out, err := outbox.New(w.Pool, w.workspace())
			if err != nil {
				t.Fatal(err)
			}
			w.Order(workspace.Fault{Kind: workspace.FaultHang, Method: method, Delay: time.Hour})
			kill := w.Replica()
			m := message("once", "once")
			if method != "chat.postMessage" {
				m.File = &post.File{Name: "once.txt", Title: "once", Content: []byte("once")}
			}
			w.put(out, m)
			// Slack has it; the process waits for the answer, and dies.
			w.See("the message", func(m []workspace.Message) bool { return len(m) == 1 })
			kill()
			w.Replica()
			w.put(out, message("next", "next"))
			w.See(
				"the next message alone",
				func(m []workspace.Message) bool { return len(m) == 2 && m[1].Text == "next" },
			)
			if posted := w.posted(out, "once"); posted.TS == "" {
				t.Errorf("Posted: %+v", posted)
			}
		})
	}
}

// A replica dies with nothing further to wake anyone: the sweep takes its channel up.
func TestKilledWithNothingElseToSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out, err := outbox.New(w.Pool, w.workspace())
	if err != nil {
		t.Fatal(err)
	}
	w.Order(workspace.Fault{Kind: workspace.FaultHang, Method: "chat.postMessage", Delay: time.Hour})
	kill := w.Replica()
	w.put(out, message("root", "root"), reply("reply", "root", "reply"))
	w.See("the root", saying("root"))
	kill()
	w.Replica()
	w.See("the reply", saying("root", "reply"))
}
