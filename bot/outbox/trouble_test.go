package outbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestPostedOnceWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	for _, fault := range []workspace.Fault{
		{Kind: workspace.FaultCut},
		{Kind: workspace.FaultHang, Delay: time.Minute},
		{Kind: workspace.FaultStatus, Status: 500},
		{Kind: workspace.FaultStatus, Status: 503},
		{Kind: workspace.FaultError, Error: "internal_error"},
		{Kind: workspace.FaultError, Error: "service_unavailable"},
	} {
		t.Run(string(fault.Kind)+fault.Error+fmt.Sprint(fault.Status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			out := w.outbox(func(c *bot.Config) { c.CallTimeout = 500 * time.Millisecond })
			fault.Method = "chat.postMessage"
			w.Order(fault)
			w.put(out, message("once", "once"))
			eventually(t, "it is recorded", func() bool { return w.posted(out, "once").TS != "" })
			w.put(out, message("once", "twice"), message("next", "next"))
			w.See("one of each", saying("twice", "next"))

			w.Order(workspace.Fault{
				Kind:   fault.Kind,
				Method: "chat.postMessage",
				Delay:  fault.Delay,
				Status: fault.Status,
				Error:  fault.Error,
			})
			w.put(out, reply("in thread", "once", "reply"))
			eventually(t, "it is recorded", func() bool { return w.posted(out, "in thread").TS != "" })
			w.See("one reply", saying("twice", "next", "reply"))
		})
	}
}

func TestFindCountsOnlyTheBotsOwnMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	w.Order(workspace.Fault{Kind: workspace.FaultStatus, Method: "chat.postMessage", Status: 500})
	w.put(out, message("mine", "mine"))
	w.See("posted at the second attempt", saying("mine"))
	w.Called("conversations.history", 1)
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault workspace.Fault
		least time.Duration
	}{
		{"with Retry-After", workspace.Fault{Kind: workspace.FaultRateLimit, RetryAfter: 4 * time.Second},
			4 * time.Second},
		{"as an error", workspace.Fault{Kind: workspace.FaultError, Error: "rate_limited"}, 5 * time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			out := w.outbox()
			tc.fault.Method = "chat.postMessage"
			w.Order(tc.fault)
			began := time.Now()
			w.put(out, message("a", "a"))
			eventually(t, "the first try", func() bool { return w.Calls("chat.postMessage") == 1 })
			// Another channel is not held: Slack limits posts per channel.
			w.put(out, post.Message{Key: "elsewhere", Channel: workspace.BoardChannel, Text: "elsewhere"})
			w.SeeAs(workspace.Ana, workspace.BoardChannel, "elsewhere", saying("elsewhere"))
			if posted := w.posted(out, "a"); posted != (outbox.Posted{}) {
				t.Errorf("the other channel waited for this one: %+v", posted)
			}
			w.put(out, message("b", "b"))
			w.See("both", saying("a", "b"))
			if elapsed := time.Since(began); elapsed < tc.least {
				t.Errorf("came after %s, asked to wait %s", elapsed, tc.least)
			}
			w.Called("chat.postMessage", 4)
			if n := w.Calls("conversations.history"); n != 0 {
				t.Error("a throttled call was looked for")
			}
		})
	}
}

func TestRefusedIsRecordedAndNotRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	for channel, want := range map[string]string{
		"C0NOWHERE":              "channel_not_found",
		workspace.SecretChannel:  "channel_not_found",
		workspace.GeneralChannel: "not_in_channel",
		workspace.ArchiveChannel: "is_archived",
	} {
		w.put(out, post.Message{Key: channel, Channel: channel, Text: "x"})
		eventually(t, channel+" is refused", func() bool {
			return strings.Contains(w.refused()[channel], want)
		})
	}
	w.Called("chat.postMessage", 4)
	// A replica that starts gives them another chance, once.
	w.Do(workspace.Action{Do: workspace.DoInvite, User: workspace.Ana, Channel: workspace.SecretChannel})
	w.outbox()
	w.SeeAs(workspace.Ana, workspace.SecretChannel, "the invitation counts", saying("x"))
	// What was refused as it was is tried again as something else.
	w.Do(workspace.Action{Do: workspace.DoInvite, User: workspace.Ana, Channel: workspace.GeneralChannel})
	w.put(out, post.Message{Key: workspace.GeneralChannel, Channel: workspace.GeneralChannel, Text: "y"})
	w.SeeAs(workspace.Ana, workspace.GeneralChannel, "new content", saying("y"))
}

// TestAStormIsTold has Slack refuse posts for a while. What is delivered afterwards says that it
// is late, and until then the backlog is known.
func TestAStormIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	backlog := func(prefix string) post.Backlog {
		t.Helper()
		found, err := out.Backlog(t.Context(), prefix)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	w.put(out, message("run/1/a", "a"))
	w.See("the first", saying("a"))
	if found := backlog("run/1"); found != (post.Backlog{}) {
		t.Errorf("before the storm: %+v", found)
	}
	w.Order(workspace.Fault{Kind: workspace.FaultRateLimit, Method: "chat.postMessage", Times: 2,
		RetryAfter: 4 * time.Second})
	w.put(out, message("run/1/b", "b"), message("run/1/c", "c"), message("run/2/d", "d"), message("run/2/e", "e"))
	eventually(t, "the posts are held back", func() bool { return backlog("run/1").Messages == 2 })
	if found := backlog(""); found.Messages != 4 || found.Age > 4*time.Second || found.Next > 4*time.Second ||
		found.Next < time.Second {
		t.Errorf("in the storm: %+v", found)
	}
	// Of the others, one waits for longer than the ten seconds after which what is held back is late.
	const before = `UPDATE slack_messages SET created_at = created_at -
		CASE WHEN key LIKE 'run/1/%' THEN interval '5 minutes' ELSE interval '20 seconds' END WHERE key <> 'run/2/e'`
	if _, err := w.Pool.Exec(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	if found := backlog("run/1"); found.Age < 5*time.Minute || found.Messages != 2 {
		t.Errorf("late in the storm: %+v", found)
	}
	seen := w.See("all", func(m []workspace.Message) bool { return len(m) == 5 })
	for i, want := range []string{"a", "⏳ Delivered late: this is from *. Messages still waiting: 3.\nb",
		"⏳ Delivered late: this is from *. Messages still waiting: 2.\nc",
		"⏳ Delivered late: this is from *. Messages still waiting: 1.\nd", "e"} {
		first, last, _ := strings.Cut(want, "*")
		if text := seen[i].Text; !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
			t.Errorf("message %d says %q, want %q", i, text, want)
		}
	}
	if found := backlog(""); found != (post.Backlog{}) {
		t.Errorf("after the storm: %+v", found)
	}
}
