package workspace_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func modal(blocks ...slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type:          slack.VTModal,
		Title:         plain("T"),
		Submit:        plain("Go"),
		CallbackID:    "cb",
		NotifyOnClose: true,
		Blocks:        slack.Blocks{BlockSet: blocks},
	}
}

func option(value, text string) *slack.OptionBlockObject {
	return slack.NewOptionBlockObject(value, plain(text), nil)
}

// forms is an app that opens a view for every command and hands every interaction to handle,
// which returns what to acknowledge.
func (r *rig) forms(
	t *testing.T,
	view slack.ModalViewRequest,
	handle func(slack.InteractionCallback) any,
) *workspace.Form {
	t.Helper()
	r.app(t, func(c *socketmode.Client, e socketmode.Event) {
		if cmd, ok := e.Data.(slack.SlashCommand); ok {
			_ = c.Ack(*e.Request)
			if _, err := r.api.OpenView(cmd.TriggerID, view); err != nil {
				t.Error(err)
			}
			return
		}
		if in, ok := e.Data.(slack.InteractionCallback); ok {
			if answer := handle(in); answer != nil {
				_ = c.Ack(*e.Request, answer)
			} else {
				_ = c.Ack(*e.Request)
			}
		}
	})
	ana := workspace.As(r, workspace.Ana)
	if out, err := ana.Type(soon(t), "ops", "/onboard"); err != nil || out.Error != "" {
		t.Fatal(out, err)
	}
	form, err := ana.Modal(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	return form
}

func TestEveryInput(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	three := 3
	static := func(kind, id string) *slack.SelectBlockElement {
		return &slack.SelectBlockElement{Type: kind, ActionID: id}
	}
	external := static("external_select", "ext")
	external.MinQueryLength = &three
	inputs := []slack.Block{
		slack.NewInputBlock(
			"text",
			plain("Text"),
			nil,
			slack.NewPlainTextInputBlockElement(nil, "text").WithMultiline(true),
		),
		slack.NewInputBlock("mail", plain("Mail"), nil, slack.NewEmailTextInputBlockElement(nil, "mail")),
		slack.NewInputBlock("url", plain("URL"), nil, slack.NewURLTextInputBlockElement(nil, "url")),
		slack.NewInputBlock("num", plain("Number"), nil, slack.NewNumberInputBlockElement(nil, "num", false)),
		slack.NewInputBlock(
			"radio",
			plain("Radio"),
			nil,
			slack.NewRadioButtonsBlockElement("radio", option("1", "One"), option("2", "Two")),
		),
		slack.NewInputBlock(
			"check",
			plain("Check"),
			nil,
			slack.NewCheckboxGroupsBlockElement("check", option("1", "One"), option("2", "Two")),
		),
		slack.NewInputBlock("user", plain("User"), nil, static("users_select", "user")),
		slack.NewInputBlock("ext", plain("External"), nil, external),
		slack.NewInputBlock("date", plain("Date"), nil, slack.NewDatePickerBlockElement("date")),
		slack.NewInputBlock("file", plain("File"), nil, slack.NewFileInputBlockElement("file").WithMaxFiles(1)),
		slack.NewInputBlock("opt", plain("Optional"), nil, slack.NewPlainTextInputBlockElement(nil, "opt")).
			WithOptional(true),
	}
	states := make(chan map[string]map[string]slack.BlockAction, 1)
	form := r.forms(t, modal(inputs...), func(in slack.InteractionCallback) any {
		if in.Type == slack.InteractionTypeBlockSuggestion {
			if in.Value == "xyz" {
				return slack.OptionsResponse{Options: []*slack.OptionBlockObject{option("z", "xyz")}}
			}
			return slack.OptionsResponse{
				Options: []*slack.OptionBlockObject{option("x", in.Value+" x"), option("y", in.Value+" y")},
			}
		}
		states <- in.View.State.Values
		return nil
	})
	ctx := soon(t)
	good := func(_ workspace.Outcome, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cannot := func(_ workspace.Outcome, err error) {
		t.Helper()
		if !errors.Is(err, workspace.ErrCannot) {
			t.Errorf("%v is not what a person cannot do", err)
		}
	}
	good(form.Fill(ctx, "Text", "a", "b"))
	good(form.Fill(ctx, "Mail", "nobody"))
	good(form.Fill(ctx, "URL", "nowhere"))
	good(form.Fill(ctx, "Number", "1.5"))
	cannot(form.Choose(ctx, "Radio", "Three"))
	cannot(form.Choose(ctx, "Radio", "One", "Two"))
	cannot(form.Choose(ctx, "User", workspace.Gone))
	cannot(form.Choose(ctx, "Date", "yesterday"))
	cannot(form.Choose(ctx, "External", "ab"))
	cannot(form.Fill(ctx, "Nothing", "x"))
	cannot(
		form.Attach(
			ctx,
			"File",
			workspace.File{Name: "a", Data: []byte("a")},
			workspace.File{Name: "b", Data: []byte("b")},
		),
	)
	out, err := form.Submit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const must = "Please complete this required field."
	want := map[string]string{
		"mail": "Please enter a valid email address.", "url": "Please enter a valid URL.",
		"num": "Please enter a valid number.", "radio": must, "check": must, "user": must, "ext": must,
		"date": must, "file": must,
	}
	if diff := cmp.Diff(want, out.Errors); diff != "" {
		t.Error(diff)
	}
	good(form.Fill(ctx, "Mail", "ana@example.com"))
	good(form.Fill(ctx, "url/url", "https://example.com"))
	good(form.Fill(ctx, "num", "15"))
	good(form.Choose(ctx, "Radio", "Two"))
	good(form.Choose(ctx, "Check", "One", "Two"))
	good(form.Choose(ctx, "User", workspace.Bo))
	if offered, err := form.Offered(ctx, "External", "abc"); err != nil ||
		!cmp.Equal(offered, []string{"abc x", "abc y"}) {
		t.Errorf("offered %q, %v", offered, err)
	}
	good(form.Choose(ctx, "Date", "2026-11-23"))
	good(form.Attach(ctx, "File", workspace.File{Name: "logo.svg", Data: []byte("<svg/>")}))
	cannot(form.Choose(ctx, "External", "abcd"))
	if out, err := form.Submit(ctx); err != nil || len(out.Errors) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	good(form.Choose(ctx, "External", "xyz"))
	if out, err := form.Submit(ctx); err != nil || !out.Closed {
		t.Fatalf("%+v, %v", out, err)
	}
	v := <-states
	if v["text"]["text"].Value != "a\nb" || v["num"]["num"].Value != "15" ||
		v["radio"]["radio"].SelectedOption.Value != "2" ||
		len(v["check"]["check"].SelectedOptions) != 2 || v["user"]["user"].SelectedUser != workspace.Bo ||
		v["date"]["date"].SelectedDate != "2026-11-23" ||
		v["file"]["file"].Files[0].Name != "logo.svg" ||
		v["opt"]["opt"].Value != "" {
		t.Errorf("%+v", v)
	}
	r.noTrouble(t)
}

// TestBadAnswers: what Slack does not tell the app about is trouble, and the person's modal stays
// open with what was entered.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	in := slack.NewInputBlock("in", plain("In"), nil, slack.NewPlainTextInputBlockElement(nil, "in"))
	sec := slack.NewSectionBlock(mrkdwn("x"), nil, nil, slack.SectionBlockOptionBlockID("sec"))
	answers := make(chan any, 1)
	form := r.forms(t, modal(in, sec), func(slack.InteractionCallback) any { return <-answers })
	ctx := soon(t)
	if _, err := form.Fill(ctx, "In", "kept"); err != nil {
		t.Fatal(err)
	}
	untitled := modal(in)
	untitled.Title = plain(strings.Repeat("x", 25))
	for _, c := range []struct {
		answer any
		why    string
	}{
		{slack.NewErrorsViewSubmissionResponse(map[string]string{"sec": "x"}),
			`errors name "sec", which is no input block`},
		{slack.NewErrorsViewSubmissionResponse(nil), "errors without any"},
		{slack.NewUpdateViewSubmissionResponse(&untitled), "invalid view in an acknowledgement: invalid_arguments: " +
			"[ERROR] failed to match all allowed schemas [json-pointer:/view]; " +
			"[ERROR] must be less than 25 characters [json-pointer:/view/title/text]"},
		{map[string]any{"response_action": "explode"}, `unknown response_action "explode"`},
		{"ok", "acknowledged with something that is no response_action"},
	} {
		answers <- c.answer
		out, err := form.Submit(ctx)
		if err != nil || !strings.HasPrefix(out.Error, "We had some trouble connecting") || out.Modal == nil ||
			!strings.Contains(string(out.Modal.State), "kept") {
			t.Errorf("%s: %+v, %v", c.why, out, err)
		}
		all := r.events(t, workspace.KindTrouble)
		if got := all[len(all)-1].Detail; got != c.why {
			t.Errorf("trouble %q, want %q", got, c.why)
		}
	}
}

func TestStackAndUpdates(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	in := func(id string) *slack.InputBlock {
		return slack.NewInputBlock(id, plain("In"), nil, slack.NewPlainTextInputBlockElement(nil, "in"))
	}
	more := slack.NewActionBlock("act", slack.NewButtonBlockElement("more", "v", plain("More")))
	seen := make(chan slack.InteractionCallback, 10)
	form := r.forms(t, modal(in("in"), more), func(cb slack.InteractionCallback) any {
		if cb.Type == slack.InteractionTypeViewSubmission {
			next := modal(in("second"))
			return slack.NewPushViewSubmissionResponse(&next)
		}
		seen <- cb
		return nil
	})
	ctx := soon(t)
	if _, err := form.Fill(ctx, "In", "typed"); err != nil {
		t.Fatal(err)
	}
	if _, err := form.Press(ctx, "More"); err != nil {
		t.Fatal(err)
	}
	cb := <-seen
	if cb.ResponseURL != "" || cb.Container.Type != "view" || cb.View.State.Values["in"]["in"].Value != "typed" ||
		cb.ActionCallback.BlockActions[0].Value != "v" {
		t.Errorf("a press in a modal: %+v", cb)
	}
	// What was typed survives where the ids stay, and only there. A stale hash changes nothing.
	first, err := r.api.UpdateView(modal(in("in"), more), "", cb.View.Hash, cb.View.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.api.UpdateView(modal(in("in")), "", cb.View.Hash, cb.View.ID); err == nil ||
		err.Error() != "hash_conflict" {
		t.Errorf("stale hash: %v", err)
	}
	if first.View.State.Values["in"]["in"].Value != "typed" {
		t.Errorf("lost what was typed: %+v", first.View.State)
	}
	pushed, err := r.api.PushView(cb.TriggerID, modal(in("p")))
	if err != nil || pushed.PreviousViewID != cb.View.ID || pushed.RootViewID != cb.View.ID {
		t.Fatalf("%+v, %v", pushed, err)
	}
	if _, err := form.Fill(ctx, "In", "x"); !errors.Is(err, workspace.ErrCannot) {
		t.Errorf("a covered modal took input: %v", err)
	}
	top, err := workspace.As(r, workspace.Ana).Modal(ctx)
	if err != nil || top.ID != pushed.ID {
		t.Fatal(top, err)
	}
	if _, err := top.Fill(ctx, "In", "x"); err != nil {
		t.Fatal(err)
	}
	if out, err := top.Submit(ctx); err != nil || out.Modal == nil || out.Modal.ID == pushed.ID {
		t.Fatalf("the third: %+v, %v", out, err)
	}
	if top, err = workspace.As(r, workspace.Ana).Modal(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := top.Fill(ctx, "In", "x"); err != nil {
		t.Fatal(err)
	}
	if out, err := top.Submit(ctx); err != nil || out.Error == "" {
		t.Errorf("a fourth on the stack: %+v, %v", out, err)
	}
	if out, err := top.Dismiss(ctx); err != nil || !out.Closed {
		t.Errorf("%+v, %v", out, err)
	}
	if cb := <-seen; cb.Type != slack.InteractionTypeViewClosed || !cb.IsCleared || cb.View.ID != form.ID ||
		len(cb.View.State.Values) != 0 {
		t.Errorf("closed: %+v", cb)
	}
	if _, err := r.api.UpdateView(modal(in("in")), "", "", form.ID); err == nil || err.Error() != "not_found" {
		t.Errorf("updating a closed view: %v", err)
	}
}

func TestDispatchAndHome(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	got := make(chan slack.InteractionCallback, 10)
	r.app(t, func(c *socketmode.Client, e socketmode.Event) {
		_ = c.Ack(*e.Request)
		if in, ok := e.Data.(slack.InteractionCallback); ok {
			got <- in
			return
		}
		slug := slack.NewInputBlock("slug", plain("Slug"), nil, slack.NewPlainTextInputBlockElement(nil, "slug")).
			WithDispatchAction(true)
		pick := slack.NewSectionBlock(
			mrkdwn("Pick"),
			nil,
			slack.NewAccessory(
				slack.NewOptionsSelectBlockElement("static_select", plain("p"), "pick", option("a", "A")),
			),
		)
		blocks := slack.Blocks{BlockSet: []slack.Block{slug, pick}}
		home := slack.HomeTabViewRequest{Type: slack.VTHomeTab, Blocks: blocks}
		if _, err := r.api.PublishView(workspace.Ana, home, ""); err != nil {
			t.Error(err)
		}
	})
	ctx := soon(t)
	ana := workspace.As(r, workspace.Ana)
	if err := ana.OpenHome(ctx); err != nil {
		t.Fatal(err)
	}
	home, err := ana.Home(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home.Fill(ctx, "Slug", "merche"); err != nil {
		t.Fatal(err)
	}
	if in := <-got; in.ActionCallback.BlockActions[0].Value != "merche" || in.View.Type != slack.VTHomeTab {
		t.Errorf("%+v", in)
	}
	if _, err := home.Choose(ctx, "Pick", "A"); err != nil {
		t.Fatal(err)
	}
	if in := <-got; in.ActionCallback.BlockActions[0].SelectedOption.Value != "a" {
		t.Errorf("%+v", in)
	}
	if _, err := home.Submit(ctx); !errors.Is(err, workspace.ErrCannot) {
		t.Errorf("a Home tab was submitted: %v", err)
	}
}

func TestResponseURL(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) { c.Rates.Off = true })
	conn := r.dial(t)
	ctx := soon(t)
	seen := typing(t, r, "/onboard")
	m := next(t, conn)
	ack(t, conn, m["envelope_id"], `{"text":"working"}`)
	<-seen
	link := m["payload"].(map[string]any)["response_url"].(string)
	send := func(body string) (int, string) {
		t.Helper()
		res, err := http.Post(link, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		var failed struct{ Error string }
		_ = json.Unmarshal(raw, &failed) // What is fine is no JSON.
		return res.StatusCode, failed.Error
	}
	for _, c := range []struct {
		body, want string
		status     int
	}{
		{`{"text":"x","blocks":[{"type":"alert"}]}`, "invalid_blocks", 404},
		{`{"text":""}`, "no_text", 404},
		{`{"text":"x","thread_ts":"1.1"}`, "invalid_payload", 404},
		{`{"replace_original":true,"text":"half"}`, "", 200},
		{`{"replace_original":true,"response_type":"in_channel","text":"done"}`, "", 200},
		{`{"response_type":"in_channel","text":"for all"}`, "", 200},
		{`{"text":"for one"}`, "", 200},
		{`{"delete_original":true}`, "", 200},
		{`{"text":"sixth"}`, "used_url", 404},
	} {
		if status, got := send(c.body); status != c.status || got != c.want {
			t.Errorf("%s: %d %s", c.body, status, got)
		}
	}
	texts := func(user string) (all []string) {
		said, err := workspace.As(r, user).Read(ctx, "ops")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said {
			all = append(all, m.Text)
		}
		return all
	}
	if diff := cmp.Diff([]string{"done", "for all"}, texts(workspace.Ana)); diff != "" {
		t.Error("Ana:", diff)
	}
	if diff := cmp.Diff([]string{"for all"}, texts(workspace.Bo)); diff != "" {
		t.Error("Bo:", diff)
	}
}

func TestWhatPeopleCannotDo(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := soon(t)
	_, ts, err := r.api.PostMessage(workspace.OpsChannel, slack.MsgOptionText("x", false), slack.MsgOptionBlocks(
		slack.NewActionBlock(
			"a",
			slack.NewButtonBlockElement("one", "1", plain("Twin")),
			slack.NewButtonBlockElement("two", "2", plain("Twin")),
		),
	))
	if err != nil {
		t.Fatal(err)
	}
	msg := workspace.Message{Channel: workspace.OpsChannel, TS: ts}
	ana := workspace.As(r, workspace.Ana)
	type outcome = workspace.Outcome
	cleo, gone := workspace.As(r, workspace.Cleo), workspace.As(r, workspace.Gone)
	for name, c := range map[string]struct {
		act  func() (outcome, error)
		want string
	}{
		"a command in a thread": {func() (outcome, error) { return ana.Reply(ctx, "ops", ts, "/onboard x") },
			"/onboard is not supported in threads. Sorry!"},
		"a foreign channel": {func() (outcome, error) { return cleo.Type(ctx, "board", "hi") },
			"cleo is not in #board"},
		"an archive": {func() (outcome, error) { return ana.Type(ctx, "archive", "hi") },
			"#archive is archived"},
		"someone deactivated": {func() (outcome, error) { return gone.Type(ctx, "ops", "hi") },
			"gone is deactivated"},
		"a button that is absent": {func() (outcome, error) { return ana.Press(ctx, msg, "Approve") },
			`no "Approve" here; there is ["Twin" "Twin"]`},
		"a button that is there twice": {func() (outcome, error) { return ana.Press(ctx, msg, "Twin") },
			`"Twin" is there 2 times: a/one, a/two`},
	} {
		if _, err := c.act(); !errors.Is(err, workspace.ErrCannot) || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out, err := ana.Type(ctx, "ops", "/unknown"); err != nil || out.Error != "/unknown is not a valid command." {
		t.Errorf("%+v, %v", out, err)
	}
	if out, err := ana.Press(ctx, msg, "two"); err != nil || out.Error != workspace.ErrDispatch {
		t.Errorf("by action_id, with nobody connected: %+v, %v", out, err)
	}
}
