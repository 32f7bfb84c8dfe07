package outbox_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func impatient(c *bot.Config) { c.CallTimeout = 300 * time.Millisecond }

// TestAnAnswerAfterTheTimeLimit is a post that Slack takes while the bot looks for it.
func TestAnAnswerAfterTheTimeLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox(impatient)
	w.Order(workspace.Fault{Kind: workspace.FaultLate, Method: "chat.postMessage", Delay: 600 * time.Millisecond})
	w.put(out, message("once", "once"))
	eventually(t, "it is recorded", func() bool { return w.posted(out, "once").TS != "" })
	w.put(out, message("next", "next"))
	w.See("one of each", saying("once", "next"))
	w.Called("chat.postMessage", 2)
}

// TestATwinIsTidied is a post that Slack takes after the bot sent it again.
func TestATwinIsTidied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox(impatient)
	w.put(out, message("root", "root"))
	w.See("the root", saying("root"))
	w.Order(workspace.Fault{Kind: workspace.FaultLate, Method: "chat.postMessage", Delay: 2500 * time.Millisecond})
	w.put(out, reply("once", "root", "once"))
	w.See("both copies", saying("root", "once", "once"))
	recorded := w.posted(out, "once").TS
	if err := out.Compare(t.Context(), "root"); err != nil {
		t.Fatal(err)
	}
	if seen := w.See("one copy", saying("root", "once")); seen[1].TS != recorded {
		t.Errorf("the copy at %s is left, and %s is recorded", seen[1].TS, recorded)
	}
}

func TestATwinOfARootIsTidied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox(impatient)
	w.Order(workspace.Fault{Kind: workspace.FaultLate, Method: "chat.postMessage", Delay: 2500 * time.Millisecond})
	w.put(out, message("root", "root"))
	w.See("both copies", saying("root", "root"))
	recorded := w.posted(out, "root").TS
	if err := out.Compare(t.Context(), "root"); err != nil {
		t.Fatal(err)
	}
	if seen := w.See("one copy", saying("root")); seen[0].TS != recorded {
		t.Errorf("the copy at %s is left, and %s is recorded", seen[0].TS, recorded)
	}
}

// fingerprint is that of what Slack shows of a message.
func (w *world) fingerprint(key string) (shown []byte) {
	w.T.Helper()
	eventually(w.T, key+" is recorded", func() bool {
		err := w.Pool.QueryRow(w.T.Context(), `SELECT shown_hash FROM slack_messages WHERE key = $1`, key).Scan(&shown)
		return err == nil && shown != nil
	})
	return shown
}

// TestAnUpdateThatWasNotRecorded is a press while Slack shows an update whose answer a process that was
// killed did not record. The update is sent again, after other messages of the channel.
func TestAnUpdateThatWasNotRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	question := func(text string) post.Message {
		m := message("question", text)
		m.Blocks = []slack.Block{blockkit.Section(text)}
		return m
	}
	w.put(out, question("before"))
	before := w.fingerprint("question")
	w.put(out, question("after"))
	w.See("the update", saying("after"))
	var after []byte
	eventually(t, "the update is recorded", func() bool {
		after = w.fingerprint("question")
		return !bytes.Equal(before, after)
	})
	if _, err := w.Pool.Exec(t.Context(), `UPDATE slack_messages SET shown_hash = $1, shown_earlier = '{}',
		delivered_hash = 'before', due_at = now() + interval '2 seconds' WHERE key = 'question'`, before); err != nil {
		t.Fatal(err)
	}
	w.put(out, message("other", "other"))
	_, from, err := out.Origin(t.Context(), workspace.OpsChannel, w.posted(out, "question").TS, after)
	if err != nil || from != outbox.Delivered {
		t.Errorf("%v, %v", from, err)
	}
}

// delete deletes a message as an administrator does.
func (w *world) delete(ts string) {
	w.T.Helper()
	if _, _, err := w.workspace().API().DeleteMessageContext(w.T.Context(), workspace.OpsChannel, ts); err != nil {
		w.T.Fatal(err)
	}
}

func TestADeletedMessageIsPostedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	question := reply("question", "root", "Approve?")
	question.Blocks = []slack.Block{blockkit.Section("Approve?")}
	w.put(out, message("root", "root"), question)
	seen := w.See("both", saying("root", "Approve?"))
	w.delete(seen[1].TS)
	if err := out.Compare(t.Context(), "root"); err != nil {
		t.Fatal(err)
	}
	again := w.See("the question again", func(m []workspace.Message) bool {
		return len(m) == 2 && strings.HasPrefix(m[1].Text, "Posted again") && strings.HasSuffix(m[1].Text, "Approve?")
	})
	if again[1].ThreadTS != seen[0].TS || !strings.Contains(string(again[1].Blocks), "Posted again") {
		t.Errorf("%+v", again[1])
	}
	// One that is updated is found missing by that.
	w.delete(again[1].TS)
	question.Text = "Approved"
	w.put(out, question)
	w.See("the update as a new message", func(m []workspace.Message) bool {
		return len(m) == 2 && strings.HasSuffix(m[1].Text, "Approved")
	})
}

// TestWhatTheDatabaseForgot is a database that was restored to an earlier time.
func TestWhatTheDatabaseForgot(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	question := reply("question", "root", "Approve the rest?")
	question.Blocks = []slack.Block{blockkit.Section("Approve the rest?"),
		slack.NewActionBlock("", blockkit.Button("approve", "id", "Approve", ""))}
	asked := reply("asked", "root", "asked")
	asked.Blocks = []slack.Block{blockkit.Section("asked")}
	w.put(out, message("root", "root"), asked, message("later", "a later run"),
		reply("later/asked", "later", "asked there"), question)
	w.See("all", saying("root", "asked", "a later run", "asked there", "Approve the rest?"))
	before := w.fingerprint("asked")
	done := asked
	done.Text, done.Blocks = "done", []slack.Block{blockkit.Section("done")}
	w.put(out, done)
	w.See("the update", saying("root", "done", "a later run", "asked there", "Approve the rest?"))
	eventually(t, "all is recorded", func() bool {
		var waiting int
		err := w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM slack_messages WHERE waiting`).Scan(&waiting)
		return err == nil && waiting == 0
	})

	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := w.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec(`DELETE FROM slack_messages WHERE key IN ('question', 'later/asked')`)
	exec(`DELETE FROM slack_messages WHERE key = 'later'`)
	exec(`UPDATE slack_messages SET text = 'asked',
		blocks = replace(convert_from(blocks, 'UTF8'), 'done', 'asked')::bytea,
		hash = 'asked', delivered_hash = 'asked', shown_hash = $1, shown_earlier = '{}' WHERE key = 'asked'`, before)
	w.outbox() // another process, which compares at its start
	w.See("the orphans marked", func(m []workspace.Message) bool {
		marked := 0
		for _, each := range m {
			if strings.Contains(each.Text, "The bot no longer knows this message") {
				marked++
			}
			if strings.Contains(string(each.Blocks), `"button"`) {
				return false
			}
		}
		return marked == 3 && m[1].Text == "asked"
	})
	// Marked once, and known ones go on.
	updates := w.Calls("chat.update")
	if err := out.Compare(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	w.put(out, reply("question", "root", "asked anew"))
	w.See("the run goes on", func(m []workspace.Message) bool { return m[len(m)-1].Text == "asked anew" })
	if n := w.Calls("chat.update"); n != updates {
		t.Errorf("%d more updates", n-updates)
	}
}
