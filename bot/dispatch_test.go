package bot_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot"
	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/internal/sandbox/slacktest"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func TestCommandIsAnsweredInPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	router := bot.NewRouter()
	heard := make(chan bot.Command, 1)
	router.Command("/onboard", func(_ context.Context, c bot.Command) (post.Reply, error) {
		heard <- c
		return post.Reply{Text: "for you: " + blockkit.Escape(c.Text)}, nil
	})
	w.start(router)
	out := w.Type("/onboard <merche> & co")
	if out.Error != "" || out.Message == nil || !out.Message.Ephemeral ||
		out.Message.Text != "for you: &lt;merche&gt; &amp; co" {
		t.Errorf("outcome %+v", out)
	}
	want := bot.Command{
		Person:      bot.Person{Team: workspace.SampleTeam, ID: workspace.Ana},
		Name:        "/onboard",
		Text:        "<merche> & co",
		Channel:     workspace.OpsChannel,
		ChannelName: "ops",
	}
	ignore := cmpopts.IgnoreFields(bot.Command{}, "TriggerID", "ResponseURL", "Envelope")
	if diff := cmp.Diff(want, <-heard, ignore); diff != "" {
		t.Error(diff)
	}
}

func TestEveryKindIsHandledOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range []workspace.FaultKind{workspace.FaultDuplicate, workspace.FaultRedeliver} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			counts := map[string]*atomic.Int64{}
			for _, name := range []string{"command", "action", "view", "event"} {
				counts[name] = &atomic.Int64{}
			}
			ws := w.workspace()
			router := bot.NewRouter()
			router.Command("/onboard", func(ctx context.Context, c bot.Command) (post.Reply, error) {
				counts["command"].Add(1)
				_, err := ws.OpenView(ctx, c.TriggerID, form())
				return post.Reply{Text: "opened"}, err
			})
			router.Action("touch/*", func(context.Context, bot.Action) error { counts["action"].Add(1); return nil })
			router.View("form", func(context.Context, bot.Submission) (bot.Answer, error) {
				counts["view"].Add(1)
				return bot.FieldErrors(map[string]string{"slug": "is taken"}), nil
			})
			router.Event(
				"app_home_opened",
				func(context.Context, bot.Event) error { counts["event"].Add(1); return nil },
			)
			// Two replicas: a copy may arrive at the other.
			w.start(router)
			w.start(router)
			again := func(envelope string) { w.Order(workspace.Fault{Kind: kind, Envelope: envelope}) }

			again(workspace.EnvelopeCommands)
			if out := w.Type("/onboard"); out.Error != "" || out.Message == nil || out.Message.Text != "opened" {
				t.Fatalf("command: %+v", out)
			}
			again(workspace.EnvelopeInteractive)
			touch := workspace.Action{Do: workspace.DoPress, User: workspace.Ana, Target: "Touch"}
			if out := w.InModal(touch); out.Error != "" {
				t.Errorf("press: %+v", out)
			}
			w.InModal(workspace.Action{
				Do:     workspace.DoFill,
				User:   workspace.Ana,
				Target: "Slug",
				Values: []string{"merche-biche"},
			})
			again(workspace.EnvelopeInteractive)
			out := w.InModal(workspace.Action{Do: workspace.DoSubmit, User: workspace.Ana})
			if diff := cmp.Diff(map[string]string{"slug": "is taken"}, out.Errors); diff != "" {
				t.Errorf("submission: %s in %+v", diff, out)
			}
			again(workspace.EnvelopeEvents)
			w.Do(workspace.Action{Do: workspace.DoHome, User: workspace.Ana})

			// Every envelope, copies included, was acknowledged, and none late.
			eventually(t, "all acknowledged", func() bool {
				sent, acked := 0, 0
				for _, e := range w.Transcript() {
					switch {
					case e.Kind == workspace.KindEnvelope:
						sent++
					case e.Kind == workspace.KindAck && e.Error != "late":
						acked++
					}
				}
				return sent == 8 && acked == 8
			})
			for name, n := range counts {
				if n.Load() != 1 {
					t.Errorf("%s was handled %d times", name, n.Load())
				}
			}
		})
	}
}

func form() slack.ModalViewRequest {
	input := slack.NewInputBlock(
		"slug",
		blockkit.Plain("Slug", blockkit.MaxInputLabel),
		nil,
		slack.NewPlainTextInputBlockElement(nil, "slug"),
	)
	return slack.ModalViewRequest{
		Type:       slack.VTModal,
		CallbackID: "form",
		Title:      blockkit.Plain("Onboard", blockkit.MaxViewTitle),
		Submit: blockkit.Plain(
			"Go",
			blockkit.MaxViewTitle,
		),
		PrivateMetadata: "draft/7",
		Blocks: slack.Blocks{BlockSet: []slack.Block{input,
			slack.NewActionBlock("touch", blockkit.Button("touch/1", "7", "Touch", ""))}},
	}
}

func TestWhatHandlersGet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	ws := w.workspace()
	var mu sync.Mutex
	got := map[string]any{}
	note := func(name string, v any) {
		mu.Lock()
		defer mu.Unlock()
		got[name] = v
	}
	router := bot.NewRouter()
	router.Command("/onboard", func(ctx context.Context, c bot.Command) (post.Reply, error) {
		view := form()
		least := 1
		view.Blocks.BlockSet = append(view.Blocks.BlockSet, slack.NewInputBlock("org", blockkit.Plain("Org", 20), nil,
			&slack.SelectBlockElement{Type: slack.OptTypeExternal, ActionID: "org", MinQueryLength: &least}))
		_, err := ws.OpenView(ctx, c.TriggerID, view)
		return post.Reply{}, err
	})
	router.Action("touch/*", func(_ context.Context, a bot.Action) error { note("modal click", a); return nil })
	router.Action("approve", func(_ context.Context, a bot.Action) error { note("message click", a); return nil })
	router.Options("org", func(_ context.Context, s bot.Suggestion) ([]*slack.OptionBlockObject, error) {
		note("typed", s.Typed)
		return []*slack.OptionBlockObject{blockkit.Option("o1", "Cocotte & co", "")}, nil
	})
	router.View("form", func(_ context.Context, s bot.Submission) (bot.Answer, error) {
		note("slug", s.State["slug"]["slug"].Value)
		note("org", s.State["org"]["org"].SelectedOption.Value)
		note("metadata", s.Metadata)
		return bot.ReplaceView(form()), nil
	})
	router.Event(
		"app_home_opened",
		func(_ context.Context, e bot.Event) error { note("tab", e.Tab+" "+e.Person.ID); return nil },
	)
	w.start(router)

	w.Type("/onboard")
	w.InModal(workspace.Action{Do: workspace.DoPress, User: workspace.Ana, Target: "Touch"})
	w.InModal(
		workspace.Action{Do: workspace.DoFill, User: workspace.Ana, Target: "Slug", Values: []string{"merche-biche"}},
	)
	suggest := workspace.Action{Do: workspace.DoSuggest, User: workspace.Ana, Target: "Org", Values: []string{"coc"}}
	if out := w.InModal(suggest); len(out.Options) != 1 {
		t.Errorf("options: %+v", out)
	}
	fill := workspace.Action{Do: workspace.DoFill, User: workspace.Ana, Target: "Org", Values: []string{"o1"}}
	if out := w.InModal(fill); out.Error != "" {
		t.Errorf("fill: %+v", out)
	}
	if out := w.InModal(workspace.Action{Do: workspace.DoSubmit, User: workspace.Ana}); out.Modal == nil {
		t.Errorf("submit: %+v", out)
	}
	w.InModal(workspace.Action{Do: workspace.DoClose, User: workspace.Ana})
	w.Do(workspace.Action{Do: workspace.DoHome, User: workspace.Bo})
	button := slack.NewActionBlock("decide", blockkit.Button("approve", "step-id", "Approve", slack.StylePrimary))
	_, _, err := ws.API().PostMessageContext(t.Context(), workspace.OpsChannel, slack.MsgOptionText("root", false),
		slack.MsgOptionBlocks(button))
	if err != nil {
		t.Fatal(err)
	}
	seen := w.See("the button", slacktest.Saying("root"))
	w.Do(workspace.Action{
		Do:      workspace.DoPress,
		User:    workspace.Bo,
		Channel: workspace.OpsChannel,
		Message: seen[0].TS,
		Target:  "Approve",
	})
	eventually(t, "all heard", func() bool { mu.Lock(); defer mu.Unlock(); return len(got) == 7 })

	click := got["message click"].(bot.Action)
	posted, err := json.Marshal(map[string]any{"blocks": []slack.Block{button}})
	if err != nil {
		t.Fatal(err)
	}
	want := bot.Action{
		Person:  bot.Person{Team: workspace.SampleTeam, ID: workspace.Bo},
		ID:      "approve",
		Block:   "decide",
		Value:   "step-id",
		Channel: workspace.OpsChannel,
		TS:      seen[0].TS,
		Shown:   blockkit.Fingerprint(posted),
	}
	ignore := cmpopts.IgnoreFields(bot.Action{}, "Raw", "TriggerID", "ResponseURL", "Envelope", "State",
		"Message")
	if diff := cmp.Diff(want, click, ignore); diff != "" {
		t.Error(diff)
	}
	refusal := bot.Response{Reply: post.Reply{Text: "not yours to approve"}}
	if err := ws.Respond(t.Context(), click.ResponseURL, refusal); err != nil {
		t.Error(err)
	}
	bo := bot.Recipient{Channel: workspace.OpsChannel, User: workspace.Bo}
	if err := ws.Ephemeral(t.Context(), bo, post.Reply{Text: "really not"}); err != nil {
		t.Error(err)
	}
	w.SeeAs(
		workspace.Bo,
		workspace.OpsChannel,
		"two private answers",
		slacktest.Saying("root", "not yours to approve", "really not"),
	)
	modal := got["modal click"].(bot.Action)
	if modal.View == nil || modal.View.Hash == "" || modal.Channel != "" || modal.Value != "7" ||
		modal.View.PrivateMetadata != "draft/7" {
		t.Errorf("click in a modal: %+v", modal)
	}
	rest := map[string]any{"typed": "o1", "slug": "merche-biche", "org": "o1", "metadata": "draft/7",
		"tab": "home " + workspace.Bo}
	delete(got, "message click")
	delete(got, "modal click")
	if diff := cmp.Diff(rest, got); diff != "" {
		t.Error(diff)
	}
}

func TestHandlersThatFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	ws := w.workspace()
	router := bot.NewRouter()
	router.Command("/onboard", func(ctx context.Context, c bot.Command) (post.Reply, error) {
		switch c.Text {
		case "panic":
			panic("at the disco")
		case "error":
			return post.Reply{}, errHandler
		case "large":
			return post.Reply{Text: strings.Repeat("x", 25_000)}, nil
		}
		_, err := ws.OpenView(ctx, c.TriggerID, form())
		return post.Reply{}, err
	})
	router.View("form", func(context.Context, bot.Submission) (bot.Answer, error) { panic("in the form") })
	w.start(router)
	for text, logged := range map[string]string{
		"panic": "at the disco",
		"error": errHandler.Error(),
		"large": bot.ErrAckTooLarge.Error(),
	} {
		out := w.Type("/onboard " + text)
		if out.Error != "" || out.Message == nil || !strings.Contains(out.Message.Text, "did not work") {
			t.Errorf("%s: %+v", text, out)
		}
		if !w.Log.Contains(logged) {
			t.Errorf("%s is not logged", text)
		}
	}
	// A form that could not be taken stays open with what was typed.
	w.Type("/onboard")
	w.InModal(workspace.Action{Do: workspace.DoFill, User: workspace.Ana, Target: "Slug", Values: []string{"kept"}})
	out := w.InModal(workspace.Action{Do: workspace.DoSubmit, User: workspace.Ana})
	if out.Modal == nil || !strings.Contains(out.Errors["slug"], "did not work") ||
		!strings.Contains(string(out.Modal.State), "kept") {
		t.Errorf("form: %+v", out)
	}
	for _, e := range w.Transcript() {
		if e.Kind == workspace.KindTrouble {
			t.Errorf("trouble: %+v", e)
		}
	}
}

func TestSlowHandlerIsAcknowledgedAndGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	finished := make(chan error, 1)
	router := bot.NewRouter()
	router.Command("/onboard", func(ctx context.Context, _ bot.Command) (post.Reply, error) {
		<-ctx.Done()
		finished <- ctx.Err()
		return post.Reply{Text: "too late"}, nil
	})
	w.start(router, func(c *bot.Config) { c.AckWithin, c.HandlerTimeout = 200*time.Millisecond, time.Second })
	began := time.Now()
	out := w.Type("/onboard")
	if took := time.Since(began); out.Error != "" || out.Message != nil || took < 200*time.Millisecond ||
		took > 900*time.Millisecond {
		t.Errorf("%+v after %s", out, took)
	}
	if err := <-finished; err != context.DeadlineExceeded {
		t.Errorf("the handler ended with %v", err)
	}
}

// TestLateForms has handlers of forms outlast their acknowledgement: one answers, one panics.
func TestLateForms(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		handle func(context.Context) bot.Answer
		want   string
	}{
		"answers": {func(context.Context) bot.Answer { return bot.FieldErrors(map[string]string{"slug": "a & b"}) },
			"a &amp; b"},
		"panics":   {func(context.Context) bot.Answer { panic("a bug") }, "That did not work"},
		"deadline": {func(ctx context.Context) bot.Answer { <-ctx.Done(); return bot.Answer{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, workspace.Sample())
			shown, ws := make(chan string, 1), w.workspace()
			router := bot.NewRouter()
			router.Command("/onboard", func(ctx context.Context, command bot.Command) (post.Reply, error) {
				_, err := ws.OpenView(ctx, command.TriggerID, form())
				return post.Reply{}, err
			})
			router.View("form", func(ctx context.Context, _ bot.Submission) (bot.Answer, error) {
				time.Sleep(600 * time.Millisecond)
				return tc.handle(ctx), nil
			})
			waiting := form()
			waiting.Title.Text = "Waiting"
			router.Late(bot.LateForms{Timeout: 800 * time.Millisecond,
				Waiting: func(bot.Submission) bot.Answer { return bot.ReplaceView(waiting) },
				Show:    func(_ context.Context, _ bot.Submission, answer bot.Answer) { shown <- answer.Text() }})
			w.start(router, func(c *bot.Config) { c.AckWithin = 500 * time.Millisecond })
			w.Type("/onboard")
			w.InModal(workspace.Action{Do: workspace.DoFill, User: workspace.Ana, Target: "Slug",
				Values: []string{"kept"}})
			out := w.InModal(workspace.Action{Do: workspace.DoSubmit, User: workspace.Ana})
			if out.Modal == nil || out.Modal.Title != "Waiting" {
				t.Errorf("%+v", out)
			}
			if text := <-shown; !strings.HasPrefix(text, tc.want) || tc.want == "" && text != "" {
				t.Errorf("shown: %q", text)
			}
		})
	}
}

func TestFloodDoesNotStarve(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	block := make(chan struct{})
	defer close(block)
	var running atomic.Int64
	router := bot.NewRouter()
	router.Event("app_home_opened", func(context.Context, bot.Event) error { running.Add(1); <-block; return nil })
	router.Command(
		"/onboard",
		func(context.Context, bot.Command) (post.Reply, error) { return post.Reply{Text: "here"}, nil },
	)
	w.start(router, func(c *bot.Config) { c.Concurrency = 2 })
	for range 20 {
		w.Do(workspace.Action{Do: workspace.DoHome, User: workspace.Bo})
	}
	eventually(t, "two handlers run", func() bool { return running.Load() == 2 })
	if out := w.Type("/onboard"); out.Message == nil || out.Message.Text != "here" {
		t.Errorf("starved: %+v", out)
	}
	if n := running.Load(); n != 2 {
		t.Errorf("%d handlers ran at once", n)
	}
}

// What a replica began before it was killed is handled by the one that gets it next.
func TestKilledWhileHandling(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	if _, err := w.Pool.Exec(t.Context(), `CREATE TABLE begun (word text)`); err != nil {
		t.Fatal(err)
	}
	kill := w.Replica()
	began := func() (n int) {
		if err := w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM begun`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	eventually(t, "the replica is connected", func() bool {
		events, _ := json.Marshal(w.Transcript())
		return strings.Contains(string(events), "2 open")
	})
	outcome := make(chan workspace.Outcome, 1)
	go func() {
		out, _ := w.Slack.Act(context.Background(), workspace.Action{Do: workspace.DoType, User: workspace.Ana,
			Channel: workspace.OpsChannel, Text: "/onboard merche"})
		outcome <- out
	}()
	eventually(t, "the replica has begun", func() bool { return began() == 1 })
	kill()
	handled := make(chan string, 2)
	router := bot.NewRouter()
	router.Command("/onboard", func(_ context.Context, c bot.Command) (post.Reply, error) {
		handled <- c.Text
		return post.Reply{Text: "taken over"}, nil
	})
	w.start(router)
	select {
	case text := <-handled:
		if text != "merche" {
			t.Errorf("handled %q", text)
		}
	case <-time.After(patience):
		t.Fatal("nobody took it over")
	}
	if out := <-outcome; out.Message == nil || out.Message.Text != "taken over" {
		t.Errorf("the person saw %+v", out)
	}
}

func TestOldEnvelopesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, workspace.Sample())
	_, err := w.Pool.Exec(t.Context(), `INSERT INTO onboarding.slack_envelopes (key, owner, begun_at, done_at) VALUES
		('old', 1, now() - interval '25 hours', now()), ('new', 1, now() - interval '23 hours', now())`)
	if err != nil {
		t.Fatal(err)
	}
	w.start(bot.NewRouter())
	eventually(t, "only the newer is left", func() bool {
		var keys []string
		err := w.Pool.QueryRow(t.Context(), `SELECT array_agg(key) FROM onboarding.slack_envelopes`).Scan(&keys)
		if err != nil {
			t.Fatal(err)
		}
		return len(keys) == 1 && keys[0] == "new"
	})
}
