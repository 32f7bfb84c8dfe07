package bot_test

import (
	"context"
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
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func message(key, text string) bot.Message {
	return bot.Message{Key: key, Channel: workspace.OpsChannel, Text: text}
}

func reply(key, thread, text string) bot.Message {
	return bot.Message{Key: key, Channel: workspace.OpsChannel, Thread: thread, Text: text}
}

func TestPutPostsAndUpdatesInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	w.put(outbox, message("run/1/root", "planned"), reply("run/1/a", "run/1/root", "first"), reply("run/1/b", "run/1/root", "second"))
	seen := w.see("root and replies", saying("planned", "first", "second"))
	if seen[1].ThreadTS != seen[0].TS || seen[2].ThreadTS != seen[0].TS {
		t.Errorf("replies are in %q and %q, not in thread %q", seen[1].ThreadTS, seen[2].ThreadTS, seen[0].TS)
	}
	if want := `{"event_payload":{"key":"run/1/root"},"event_type":"onboardbot_message"}`; string(seen[0].Metadata) != want {
		t.Errorf("metadata %s, want %s", seen[0].Metadata, want)
	}
	w.put(outbox, message("run/1/root", "running"))
	after := w.see("update", saying("running", "first", "second"))
	if after[0].TS != seen[0].TS {
		t.Errorf("the update is another message: %s, was %s", after[0].TS, seen[0].TS)
	}

	// Unchanged is no work, not even a job.
	w.put(outbox, message("run/1/root", "running"))
	var jobs int
	err := w.pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = 'slack_deliver'`).Scan(&jobs)
	if err != nil || jobs != 2 {
		t.Errorf("%d delivery jobs for two changes, %v", jobs, err)
	}

	eventually(t, "the row is recorded", func() bool {
		posted, err := outbox.Posted(t.Context(), "run/1/root")
		return err == nil && posted.TS == seen[0].TS && posted.Channel == workspace.OpsChannel
	})
	key, err := outbox.Lookup(t.Context(), workspace.OpsChannel, seen[1].TS)
	if err != nil || key != "run/1/a" {
		t.Errorf("Lookup: %q, %v", key, err)
	}
	if _, err := outbox.Lookup(t.Context(), workspace.OpsChannel, "1.2"); !errors.Is(err, bot.ErrUnknownMessage) {
		t.Errorf("Lookup of a stranger: %v", err)
	}
	for range 2 {
		link, err := outbox.Permalink(t.Context(), "run/1/root")
		if err != nil || !strings.Contains(link, "/archives/"+workspace.OpsChannel+"/p"+strings.ReplaceAll(seen[0].TS, ".", "")) {
			t.Errorf("Permalink: %q, %v", link, err)
		}
	}
	w.called("chat.getPermalink", 1)
}

func TestPutBelongsToItsTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error {
		if err := outbox.Put(t.Context(), tx, message("gone", "never")); err != nil {
			return err
		}
		return errHandler
	})
	if !errors.Is(err, errHandler) {
		t.Fatal(err)
	}
	w.put(outbox, message("stays", "said"))
	w.see("the committed one alone", saying("said"))
	if _, err := outbox.Posted(t.Context(), "gone"); !errors.Is(err, bot.ErrUnknownMessage) {
		t.Errorf("a rolled back message: %v", err)
	}
}

func TestPutRejectsWhatCannotBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	w.put(outbox, message("here", "here"))
	for name, m := range map[string]bot.Message{
		"no key":          {Channel: "C1", Text: "x"},
		"long key":        {Key: strings.Repeat("k", 201), Channel: "C1", Text: "x"},
		"no channel":      {Key: "k", Text: "x"},
		"no text":         {Key: "k", Channel: "C1"},
		"two threads":     {Key: "k", Channel: "C1", Text: "x", Thread: "a", ThreadTS: "1.2"},
		"unknown thread":  {Key: "k", Channel: "C1", Text: "x", Thread: "nowhere"},
		"foreign thread":  {Key: "k", Channel: workspace.BoardChannel, Text: "x", Thread: "here"},
		"empty file":      {Key: "k", Channel: "C1", Text: "x", File: &bot.File{Name: "log.txt"}},
		"file without it": {Key: "k", Channel: "C1", Text: "x", File: &bot.File{Content: []byte("x")}},
	} {
		err := pgx.BeginFunc(t.Context(), w.pool, func(tx pgx.Tx) error { return outbox.Put(t.Context(), tx, m) })
		if err == nil || !strings.Contains(err.Error(), "put message") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What people put in texts arrives as far as it can.
	w.put(outbox, message("odd", "a\x00b\xffc"+strings.Repeat("x", 5000)))
	seen := w.see("text cut", func(m []workspace.Message) bool { return len(m) == 2 })
	if got := seen[1].Text; !strings.HasPrefix(got, "ab\uFFFDcx") || len([]rune(got)) != bot.MaxText || !strings.HasSuffix(got, "…") {
		t.Errorf("text of %d characters begins %q", len([]rune(got)), got[:10])
	}
}

func TestNewerStateSupersedesOlder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox(func(c *bot.Config) { c.UpdateEvery = 300 * time.Millisecond })
	w.put(outbox, message("progress", "0"))
	w.see("first", saying("0"))
	for i := 1; i <= 50; i++ {
		w.put(outbox, message("progress", fmt.Sprint(i)))
	}
	w.see("last", saying("50"))
	if n := w.calls("chat.update"); n > 5 {
		t.Errorf("%d updates for 50 changes within a moment", n)
	}
}

func TestLastStateWaitsForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox(func(c *bot.Config) { c.UpdateEvery = time.Hour })
	w.put(outbox, message("run", "begun"))
	w.see("first", saying("begun"))
	w.put(outbox, message("run", "half way"))
	done := message("run", "done")
	done.Last = true
	w.put(outbox, done)
	w.see("last", saying("done"))
}

func TestOrderAcrossManyPuts(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.Rates.Off = true
	w := newWorld(t, cfg)
	outbox := w.outbox()
	w.put(outbox, message("root", "root"))
	want := []string{"root"}
	// An answer that is lost on the way must not let the next message overtake.
	w.order(workspace.Fault{Kind: workspace.FaultCut, Method: "chat.postMessage"})
	w.order(workspace.Fault{Kind: workspace.FaultStatus, Method: "chat.postMessage", Status: 503, Times: 2})
	for i := range 20 {
		text := fmt.Sprint("line ", i)
		w.put(outbox, reply(fmt.Sprint("line/", i), "root", text))
		want = append(want, text)
	}
	w.see("all in order", saying(want...))
}

func TestFallbackForPlan(t *testing.T) {
	t.Parallel()
	cfg := workspace.Sample()
	cfg.UnsupportedBlocks = []string{"plan"}
	w := newWorld(t, cfg)
	outbox := w.outbox()
	withPlan := func(key string) bot.Message {
		m := message(key, key)
		m.Blocks = []slack.Block{bot.Plan("Onboarding", bot.Task("a", "Preflight", slack.TaskCardStatusComplete, ""))}
		m.Fallback = []slack.Block{bot.Section("✓ Preflight")}
		return m
	}
	w.put(outbox, withPlan("one"))
	seen := w.see("the fallback", func(m []workspace.Message) bool { return len(m) == 1 })
	if !strings.Contains(string(seen[0].Blocks), "✓ Preflight") {
		t.Errorf("blocks %s", seen[0].Blocks)
	}
	w.put(outbox, withPlan("two"))
	w.see("two", saying("one", "two"))
	w.called("chat.postMessage", 3) // the refusal was remembered
}

func TestSomethingIsAlwaysSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	bad := []slack.Block{slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, strings.Repeat("h", 151), false, false))}
	m := message("bad", "in words")
	m.Blocks = bad
	worse := m
	worse.Key, worse.Fallback = "worse", bad
	better := m
	better.Key, better.Fallback = "better", []slack.Block{bot.Section("simply")}
	w.put(outbox, m, worse, better)
	seen := w.see("all three", saying("in words", "in words", "in words"))
	if len(seen[0].Blocks)+len(seen[1].Blocks) != 0 || !strings.Contains(string(seen[2].Blocks), "simply") {
		t.Errorf("blocks %s, %s and %s", seen[0].Blocks, seen[1].Blocks, seen[2].Blocks)
	}
}

func TestPlanWhereItWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	m := message("plan", "plan")
	m.Blocks = []slack.Block{bot.Plan("Onboarding", bot.Task("a", "Preflight", slack.TaskCardStatusComplete, "all well"),
		bot.Task("b", "Database", slack.TaskCardStatusPending, ""))}
	m.Fallback = []slack.Block{bot.Section("fallback")}
	w.put(outbox, m)
	seen := w.see("the plan", saying("plan"))
	if !strings.Contains(string(seen[0].Blocks), `"plan"`) {
		t.Errorf("blocks %s", seen[0].Blocks)
	}
	// An update without blocks takes them away.
	w.put(outbox, message("plan", "plain"))
	if seen = w.see("plain", saying("plain")); len(seen[0].Blocks) != 0 {
		t.Errorf("blocks stayed: %s", seen[0].Blocks)
	}
}

func TestDirectMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	w.put(outbox, bot.Message{Key: "dm", Channel: workspace.Bo, Text: "wait"})
	w.seeAs(workspace.Bo, "", "the message", saying("wait"))
	w.put(outbox, bot.Message{Key: "dm", Channel: workspace.Bo, Text: "done"}, bot.Message{Key: "dm/2", Channel: workspace.Bo, Thread: "dm", Text: "more"})
	w.seeAs(workspace.Bo, "", "the update", saying("done", "more"))
	posted, err := outbox.Posted(t.Context(), "dm")
	if err != nil || !strings.HasPrefix(posted.Channel, "D") {
		t.Errorf("Posted: %+v, %v", posted, err)
	}
	w.called("conversations.open", 1)
}

func TestFileOnceAndNothingWaitsForIt(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"", "files.getUploadURLExternal", "files.completeUploadExternal"} {
		t.Run("lost answer of "+method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			outbox := w.outbox()
			if method != "" {
				w.order(workspace.Fault{Kind: workspace.FaultCut, Method: method})
			}
			file := reply("log", "root", "Log of the step")
			file.File = &bot.File{Name: "certbot.log", Title: "certbot", Content: []byte("line 1\nline 2\n")}
			w.put(outbox, message("root", "root"), file, reply("after", "root", "after"))
			seen := w.see("all three", func(m []workspace.Message) bool { return len(m) == 3 })
			i := slices.IndexFunc(seen, func(m workspace.Message) bool { return len(m.Files) == 1 })
			if i < 1 || seen[i].ThreadTS != seen[0].TS {
				t.Fatalf("no file in the thread: %+v", seen)
			}
			got := seen[i].Files[0]
			if got.Name != "certbot.log" || got.Title != "certbot" || got.Alt != "Log of the step" || string(got.Data) != "line 1\nline 2\n" {
				t.Errorf("file %+v", got)
			}
			if !slices.ContainsFunc(seen[1:], func(m workspace.Message) bool { return m.Text == "after" && m.ThreadTS == seen[0].TS }) {
				t.Errorf("the message behind the file is missing: %+v", seen)
			}
			// A file is never replaced.
			file.File.Content = []byte("other")
			w.put(outbox, file, message("root", "end"))
			w.see("the root changes, the file does not", func(m []workspace.Message) bool { return len(m) == 3 && m[0].Text == "end" })
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
		outbox := []*bot.Outbox{one, two}[i%2]
		w.put(outbox, message(fmt.Sprint(i), fmt.Sprint("m", i)))
		want = append(want, fmt.Sprint("m", i))
	}
	w.see("each once, in order", saying(want...))
}

func TestLatencyOfPut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	w.put(outbox, message("warm", "warm"))
	w.see("warm", saying("warm"))
	best := patience
	for i := range 5 {
		began := time.Now()
		key := fmt.Sprint("m", i)
		w.put(outbox, message(key, key))
		w.see(key, func(m []workspace.Message) bool { return m[len(m)-1].Text == key })
		best = min(best, time.Since(began))
	}
	t.Logf("best of five: %s", best)
	if best > 250*time.Millisecond {
		t.Errorf("an idle outbox took %s", best)
	}
}

func ExampleOutbox_Put() {
	var (
		ctx    context.Context
		tx     pgx.Tx
		outbox *bot.Outbox
	)
	put := func() error {
		// In the transaction that changes the run.
		return outbox.Put(ctx, tx,
			bot.Message{Key: "run/4f1c/root", Channel: "C0OPS", Text: "Onboarding merche-biche: waiting for approval"},
			bot.Message{Key: "run/4f1c/dns", Channel: "C0OPS", Thread: "run/4f1c/root", Text: "DNS resolves"})
	}
	_ = put
}

func TestAnythingCanBeShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	outbox := w.outbox()
	hostile := "<!channel> *bold* `code` ```pre``` & <https://evil.test|here> \u202e\x00\xff " + strings.Repeat("🙂&<>", 2000)
	m := message("all", bot.Escape(hostile))
	m.Blocks, _ = bot.Fit(append([]slack.Block{bot.Header(hostile), bot.Plan(hostile, bot.Task("t", hostile, slack.TaskCardStatusError, hostile)),
		slack.NewActionBlock("a", bot.Button("b", "v", hostile, slack.StyleDanger).WithConfirm(bot.Confirm(hostile, hostile, hostile, hostile))),
		bot.Fields(bot.Escape(hostile)), bot.Context(bot.Code(hostile))},
		append(bot.PreSections(hostile), bot.Sections(bot.Escape(hostile))...)...), bot.InMessage, bot.Context("more"))
	if err := bot.Check(m.Blocks, bot.InMessage); err != nil {
		t.Error(err)
	}
	w.put(outbox, m)
	seen := w.see("it", func(m []workspace.Message) bool { return len(m) == 1 })
	if len(seen[0].Blocks) == 0 || strings.Contains(string(seen[0].Blocks)+seen[0].Text, "<!channel>") {
		t.Error("a mention got through")
	}
}

func TestOldEnvelopesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	_, err := w.pool.Exec(t.Context(), `INSERT INTO onboarding.slack_envelopes (key, owner, begun_at, done_at) VALUES
		('old', 1, now() - interval '25 hours', now()), ('new', 1, now() - interval '23 hours', now())`)
	if err != nil {
		t.Fatal(err)
	}
	w.outbox()
	eventually(t, "only the newer is left", func() bool {
		var keys []string
		if err := w.pool.QueryRow(t.Context(), `SELECT array_agg(key) FROM onboarding.slack_envelopes`).Scan(&keys); err != nil {
			t.Fatal(err)
		}
		return len(keys) == 1 && keys[0] == "new"
	})
}

func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	var replicas errgroup.Group
	for range 4 {
		replicas.Go(func() error { return bot.Migrate(t.Context(), w.pool, "elsewhere") })
	}
	if err := replicas.Wait(); err != nil {
		t.Error(err)
	}
	if err := bot.Migrate(t.Context(), w.pool, `x"; DROP SCHEMA public; --`); err == nil {
		t.Error("a schema that is no name")
	}
}
