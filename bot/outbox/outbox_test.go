package outbox_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func message(key, text string) post.Message {
	return post.Message{Key: key, Channel: workspace.OpsChannel, Text: text}
}

func reply(key, thread, text string) post.Message {
	return post.Message{Key: key, Channel: workspace.OpsChannel, Thread: thread, Text: text}
}

func TestPutPostsAndUpdatesInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	w.put(
		out,
		message("run/1/root", "planned"),
		reply("run/1/a", "run/1/root", "first"),
		reply("run/1/b", "run/1/root", "second"),
	)
	seen := w.See("root and replies", saying("planned", "first", "second"))
	if seen[1].ThreadTS != seen[0].TS || seen[2].ThreadTS != seen[0].TS {
		t.Errorf("replies are in %q and %q, not in thread %q", seen[1].ThreadTS, seen[2].ThreadTS, seen[0].TS)
	}
	want := `{"event_payload":{"key":"run/1/root"},"event_type":"onboardbot_message"}`
	if string(seen[0].Metadata) != want {
		t.Errorf("metadata %s, want %s", seen[0].Metadata, want)
	}
	w.put(out, message("run/1/root", "running"))
	after := w.See("update", saying("running", "first", "second"))
	if after[0].TS != seen[0].TS {
		t.Errorf("the update is another message: %s, was %s", after[0].TS, seen[0].TS)
	}

	// Unchanged is no work, not even a job.
	w.put(out, message("run/1/root", "running"))
	var jobs int
	err := w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'slack_deliver'`).Scan(&jobs)
	if err != nil || jobs != 2 {
		t.Errorf("%d delivery jobs for two changes, %v", jobs, err)
	}

	eventually(t, "the row is recorded", func() bool {
		want := outbox.Posted{Key: "run/1/root", Channel: workspace.OpsChannel, TS: seen[0].TS}
		return w.posted(out, "run/1/root") == want
	})
	if _, err := out.Permalink(t.Context(), "run/2/root"); !errors.Is(err, outbox.ErrUnknownMessage) {
		t.Errorf("Permalink of a message that was not put: %v", err)
	}
	for range 2 {
		link, err := out.Permalink(t.Context(), "run/1/root")
		if err != nil ||
			!strings.Contains(link, "/archives/"+workspace.OpsChannel+"/p"+strings.ReplaceAll(seen[0].TS, ".", "")) {
			t.Errorf("Permalink: %q, %v", link, err)
		}
	}
	w.Called("chat.getPermalink", 1)
}

func TestPutBelongsToItsTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	err := pgx.BeginFunc(t.Context(), w.Pool, func(tx pgx.Tx) error {
		if err := out.Put(t.Context(), tx, message("gone", "never")); err != nil {
			return err
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Fatal(err)
	}
	w.put(out, message("stays", "said"))
	w.See("the committed one alone", saying("said"))
	if posted := w.posted(out, "gone"); posted != (outbox.Posted{}) {
		t.Errorf("a rolled back message: %+v", posted)
	}
}

func TestPutRejectsInvalidMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	w.put(out, message("here", "here"))
	for name, m := range map[string]post.Message{
		"no key":          {Channel: "C1", Text: "x"},
		"long key":        {Key: strings.Repeat("k", 201), Channel: "C1", Text: "x"},
		"no channel":      {Key: "k", Text: "x"},
		"no text":         {Key: "k", Channel: "C1"},
		"two threads":     {Key: "k", Channel: "C1", Text: "x", Thread: "a", ThreadTS: "1.2"},
		"unknown thread":  {Key: "k", Channel: "C1", Text: "x", Thread: "nowhere"},
		"foreign thread":  {Key: "k", Channel: workspace.BoardChannel, Text: "x", Thread: "here"},
		"empty file":      {Key: "k", Channel: "C1", Text: "x", File: &post.File{Name: "log.txt"}},
		"file without it": {Key: "k", Channel: "C1", Text: "x", File: &post.File{Content: []byte("x")}},
	} {
		err := pgx.BeginFunc(t.Context(), w.Pool, func(tx pgx.Tx) error { return out.Put(t.Context(), tx, m) })
		if err == nil || !strings.Contains(err.Error(), "put message") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What people put in texts arrives as far as it can.
	w.put(out, message("odd", "a\x00b\xffc"+strings.Repeat("x", 5000)))
	seen := w.See("text cut", func(m []workspace.Message) bool { return len(m) == 2 })
	if got := seen[1].Text; !strings.HasPrefix(got, "ab\uFFFDcx") || len([]rune(got)) != blockkit.MaxText ||
		!strings.HasSuffix(got, "…") {
		t.Errorf("text of %d characters begins %q", len([]rune(got)), got[:10])
	}
}

func TestNewerStateSupersedesOlder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox(func(c *bot.Config) { c.UpdateEvery = 300 * time.Millisecond })
	w.put(out, message("progress", "0"))
	w.See("first", saying("0"))
	for i := 1; i <= 50; i++ {
		w.put(out, message("progress", fmt.Sprint(i)))
	}
	w.See("last", saying("50"))
	if n := w.Calls("chat.update"); n > 5 {
		t.Errorf("%d updates for 50 changes within a moment", n)
	}
}

func TestLastStateIsSentAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox(func(c *bot.Config) { c.UpdateEvery = time.Hour })
	w.put(out, message("run", "begun"))
	w.See("first", saying("begun"))
	w.put(out, message("run", "half way"))
	done := message("run", "done")
	done.Urgent = true
	w.put(out, done)
	w.See("last", saying("done"))
}

func TestOrderAcrossManyPuts(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Rates.Off = true
	w := newWorld(t, cfg)
	out := w.outbox()
	w.put(out, message("root", "root"))
	want := []string{"root"}
	// An answer that is lost on the way must not let the next message overtake.
	w.Order(workspace.Fault{Kind: workspace.FaultCut, Method: "chat.postMessage"})
	w.Order(workspace.Fault{Kind: workspace.FaultStatus, Method: "chat.postMessage", Status: 503, Times: 2})
	for i := range 20 {
		text := fmt.Sprint("line ", i)
		w.put(out, reply(fmt.Sprint("line/", i), "root", text))
		want = append(want, text)
	}
	w.See("all in order", saying(want...))
}

// TestFallback has workspaces that take no plans, or no data tables.
func TestFallback(t *testing.T) {
	t.Parallel()
	rows := blockkit.Table{Caption: "Steps", Rows: [][]string{{"Step", "State"}, {"Preflight", "done"}}}
	for kind, c := range map[string]struct{ blocks, fallback slack.Block }{
		"plan": {blockkit.Plan("Onboarding", blockkit.Task("a", "Preflight", slack.TaskCardStatusComplete, "")),
			blockkit.Section("✓ Preflight")},
		"data_table": {blockkit.DataTable(rows), blockkit.PlainTable(rows.Rows)},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			cfg := workspace.Sample()
			cfg.UnsupportedBlocks = []string{kind}
			w := newWorld(t, cfg)
			out := w.outbox()
			newer := func(key string) post.Message {
				m := message(key, key)
				m.Blocks, m.Fallback = []slack.Block{c.blocks}, []slack.Block{c.fallback}
				return m
			}
			w.put(out, newer("one"))
			seen := w.See("the fallback", func(m []workspace.Message) bool { return len(m) == 1 })
			want := fmt.Sprintf(`"type":%q`, c.fallback.BlockType())
			shown := string(seen[0].Blocks)
			if !strings.Contains(shown, want) || !strings.Contains(shown, "Preflight") {
				t.Errorf("blocks %s", shown)
			}
			w.put(out, newer("two"))
			w.See("two", saying("one", "two"))
			w.Called("chat.postMessage", 3) // the refusal was remembered
		})
	}
}

func TestTextIsSentWhenBlocksAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	bad := []slack.Block{
		slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, strings.Repeat("h", 151), false, false)),
	}
	m := message("bad", "in words")
	m.Blocks = bad
	worse := m
	worse.Key, worse.Fallback = "worse", bad
	better := m
	better.Key, better.Fallback = "better", []slack.Block{blockkit.Section("simply")}
	w.put(out, m, worse, better)
	seen := w.See("all three", saying("in words", "in words", "in words"))
	if len(seen[0].Blocks)+len(seen[1].Blocks) != 0 || !strings.Contains(string(seen[2].Blocks), "simply") {
		t.Errorf("blocks %s, %s and %s", seen[0].Blocks, seen[1].Blocks, seen[2].Blocks)
	}
}

func TestPlanWhereItWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	m := message("plan", "plan")
	m.Blocks = []slack.Block{
		blockkit.Plan("Onboarding", blockkit.Task("a", "Preflight", slack.TaskCardStatusComplete, "all well"),
			blockkit.Task("b", "Database", slack.TaskCardStatusPending, "")),
	}
	m.Fallback = []slack.Block{blockkit.Section("fallback")}
	w.put(out, m)
	seen := w.See("the plan", saying("plan"))
	if !strings.Contains(string(seen[0].Blocks), `"plan"`) {
		t.Errorf("blocks %s", seen[0].Blocks)
	}
	// An update without blocks takes them away.
	w.put(out, message("plan", "plain"))
	if seen = w.See("plain", saying("plain")); len(seen[0].Blocks) != 0 {
		t.Errorf("blocks stayed: %s", seen[0].Blocks)
	}
}

func TestDirectMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	w.put(out, post.Message{Key: "dm", Channel: workspace.Bo, Text: "wait"})
	w.SeeAs(workspace.Bo, "", "the message", saying("wait"))
	w.put(
		out,
		post.Message{Key: "dm", Channel: workspace.Bo, Text: "done"},
		post.Message{Key: "dm/2", Channel: workspace.Bo, Thread: "dm", Text: "more"},
	)
	w.SeeAs(workspace.Bo, "", "the update", saying("done", "more"))
	if posted := w.posted(out, "dm"); !strings.HasPrefix(posted.Channel, "D") {
		t.Errorf("Posted: %+v", posted)
	}
	w.Called("conversations.open", 1)
}

func TestFileOnceAndNothingWaitsForIt(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", "files.getUploadURLExternal", "files.completeUploadExternal"} {
		t.Run("lost answer of "+method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			out := w.outbox()
			if method != "" {
				w.Order(workspace.Fault{Kind: workspace.FaultCut, Method: method})
			}
			file := reply("log", "root", "Log of the step")
			file.File = &post.File{Name: "certbot.log", Title: "certbot", Content: []byte("line 1\nline 2\n")}
			w.put(out, message("root", "root"), file, reply("after", "root", "after"))
			seen := w.See("all three", func(m []workspace.Message) bool { return len(m) == 3 })
			i := slices.IndexFunc(seen, func(m workspace.Message) bool { return len(m.Files) == 1 })
			if i < 1 || seen[i].ThreadTS != seen[0].TS {
				t.Fatalf("no file in the thread: %+v", seen)
			}
			got := seen[i].Files[0]
			if got.Name != "certbot.log" || got.Title != "certbot" || got.Alt != "Log of the step" ||
				string(got.Data) != "line 1\nline 2\n" {
				t.Errorf("file %+v", got)
			}
			after := func(m workspace.Message) bool { return m.Text == "after" && m.ThreadTS == seen[0].TS }
			if !slices.ContainsFunc(seen[1:], after) {
				t.Errorf("the message behind the file is missing: %+v", seen)
			}
			// A file is never replaced.
			file.File.Content = []byte("other")
			w.put(out, file, message("root", "end"))
			w.See(
				"the root changes, the file does not",
				func(m []workspace.Message) bool { return len(m) == 3 && m[0].Text == "end" },
			)
		})
	}
}

func TestTwoReplicasDeliverOnce(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Rates.Off = true
	w := newWorld(t, cfg)
	one, two := w.outbox(), w.outbox()
	want := []string{}
	for i := range 30 {
		out := []*outbox.Outbox{one, two}[i%2]
		w.put(out, message(fmt.Sprint(i), fmt.Sprint("m", i)))
		want = append(want, fmt.Sprint("m", i))
	}
	w.See("each once, in order", saying(want...))
}

func TestLatencyOfPut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	w.put(out, message("warm", "warm"))
	w.See("warm", saying("warm"))
	best := patience
	for i := range 5 {
		began := time.Now()
		key := fmt.Sprint("m", i)
		w.put(out, message(key, key))
		w.See(key, func(m []workspace.Message) bool { return m[len(m)-1].Text == key })
		best = min(best, time.Since(began))
	}
	t.Logf("best of five: %s", best)
	if best > 250*time.Millisecond {
		t.Errorf("an idle outbox took %s", best)
	}
}

func TestHostileTextIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	out := w.outbox()
	hostile := "<!channel> *bold* `code` ```pre``` & <https://evil.test|here> \u202e\x00\xff " + strings.Repeat(
		"🙂&<>",
		2000,
	)
	m := message("all", blockkit.Escape(hostile))
	confirm := blockkit.Confirm(hostile, hostile, hostile, hostile)
	blocks := []slack.Block{
		blockkit.Header(hostile),
		blockkit.Plan(hostile, blockkit.Task("t", hostile, slack.TaskCardStatusError, hostile)),
		slack.NewActionBlock("a", blockkit.Button("b", "v", hostile, slack.StyleDanger).WithConfirm(confirm)),
		blockkit.Context(blockkit.Code(hostile)),
	}
	blocks = append(blocks, blockkit.Sections(blockkit.Escape(hostile))...)
	m.Blocks, _ = blockkit.Fit(blocks, blockkit.InMessage, blockkit.Context("more"))
	if weight := blockkit.Weight(m.Blocks...); weight > blockkit.MaxMessageWeight {
		t.Errorf("weighs %d", weight)
	}
	w.put(out, m)
	seen := w.See("it", func(m []workspace.Message) bool { return len(m) == 1 })
	if len(seen[0].Blocks) == 0 || strings.Contains(string(seen[0].Blocks)+seen[0].Text, "<!channel>") {
		t.Error("a mention got through")
	}
}

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	var replicas errgroup.Group
	for range 4 {
		replicas.Go(func() error {
			elsewhere := migrate.Schema{Name: "elsewhere", Sets: []migrate.Set{outbox.Migrations()}}
			return elsewhere.Apply(t.Context(), w.Pool)
		})
	}
	if err := replicas.Wait(); err != nil {
		t.Error(err)
	}
}
