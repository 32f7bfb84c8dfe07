package workspace_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// post calls a method as a client without a library does, and returns the status and the answer.
func (r *rig) post(t *testing.T, method, token, kind, body string) (int, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(soon(t), http.MethodPost, r.url+"/api/"+method, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s: %s", err, raw)
	}
	return res.StatusCode, answer, res.Header
}

const (
	asJSON = "application/json; charset=utf-8"
	asForm = "application/x-www-form-urlencoded"
)

// TestRefusals are the errors of the Web API that need no state, as Slack words them.
func TestRefusals(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	bot, app := workspace.SampleBotToken, workspace.SampleAppToken
	for _, c := range []struct{ name, method, token, kind, body, want string }{
		{"unknown method", "chat.postMessages", bot, asJSON, `{}`, "unknown_method"},
		{"files.upload is gone", "files.upload", bot, asForm, ``, "unknown_method"},
		{"no token", "auth.test", "", asJSON, `{}`, "not_authed"},
		{"a token in JSON does not count", "auth.test", "", asJSON, `{"token":"` + bot + `"}`, "not_authed"},
		{"a token in a form does", "auth.test", "", asForm, `token=` + bot, ""},
		{"another token", "auth.test", "xoxb-other", asJSON, `{}`, "invalid_auth"},
		{"the app's token posts nothing", "chat.postMessage", app, asJSON, `{}`, "not_allowed_token_type"},
		{"the bot's token opens no socket", "apps.connections.open", bot, asJSON, ``, "not_allowed_token_type"},
		{"the app's token belongs into the header", "apps.connections.open", "", asForm, `token=` + app, "not_authed"},
		{"broken JSON", "chat.postMessage", bot, asJSON, `{`, "invalid_json"},
		{"JSON that is no object", "chat.postMessage", bot, asJSON, `[]`, "json_not_object"},
		{"another content type", "chat.postMessage", bot, "text/csv", `a`, "invalid_post_type"},
		{"reading methods read no JSON", "users.info", bot, asJSON, `{"user":"U0ANA"}`, "invalid_arguments"},
		{"nor do upload URLs", "files.getUploadURLExternal", bot, asJSON,
			`{"filename":"a","length":1}`, "invalid_arguments"},
		{"no channel", "chat.postMessage", bot, asJSON, `{"text":"x"}`, "channel_not_found"},
		{"bad channel", "chat.postMessage", bot, asJSON, `{"channel":"C9","text":"x"}`, "channel_not_found"},
		{"public, not a member", "chat.postMessage", bot, asJSON,
			`{"channel":"C0GENERAL","text":"x"}`, "not_in_channel"},
		{"private, not a member", "chat.postMessage", bot, asJSON,
			`{"channel":"G0SECRET","text":"x"}`, "channel_not_found"},
		{"archived", "chat.postMessage", bot, asJSON, `{"channel":"C0ARCHIVE","text":"x"}`, "is_archived"},
		{"direct message to a stranger", "chat.postMessage", bot, asJSON,
			`{"channel":"U0FAY","text":"x"}`, "channel_not_found"},
		{"direct message to a bot", "chat.postMessage", bot, asJSON,
			`{"channel":"U0ROBOT","text":"x"}`, "cannot_dm_bot"},
		{"nothing to say", "chat.postMessage", bot, asJSON, `{"channel":"C0OPS","text":" "}`, "no_text"},
		{"blocks in a form that are no JSON", "chat.postMessage", bot, asForm,
			`channel=C0OPS&blocks=%5B`, "invalid_blocks_format"},
		{"two tables", "chat.postMessage", bot, asJSON,
			`{"channel":"C0OPS","text":"x","blocks":[{"type":"table","rows":[[{"type":"raw_text","text":"a"}]]},` +
				`{"type":"table","rows":[[{"type":"raw_text","text":"a"}]]}]}`, "invalid_attachments"},
		{"markdown beside text", "chat.postMessage", bot, asJSON,
			`{"channel":"C0OPS","text":"x","markdown_text":"y"}`, "markdown_text_conflict"},
		{"long text", "chat.postMessage", bot, asJSON,
			`{"channel":"C0OPS","text":"` + strings.Repeat("x", 4001) + `"}`, "msg_too_long"},
		{"no such thread", "chat.postMessage", bot, asJSON,
			`{"channel":"C0OPS","text":"x","thread_ts":"1.1"}`, "thread_not_found"},
		{"nested metadata", "chat.postMessage", bot, asJSON,
			`{"channel":"C0OPS","text":"x","metadata":{"event_type":"a","event_payload":{"b":{"c":1}}}}`,
			"invalid_metadata_schema"},
		{"a name without its scope", "chat.postMessage", bot, asJSON,
			`{"channel":"C0OPS","text":"x","username":"boss"}`, "missing_scope"},
		{"nobody in the channel", "chat.postEphemeral", bot, asJSON,
			`{"channel":"C0OPS","user":"U0SOLO","text":"x"}`, "user_not_in_channel"},
		{"nothing to update", "chat.update", bot, asJSON,
			`{"channel":"C0OPS","ts":"1.1","text":"x"}`, "message_not_found"},
		{"a person's id is no channel to update", "chat.update", bot, asJSON,
			`{"channel":"U0ANA","ts":"1.1","text":"x"}`, "channel_not_found"},
		{"history of a foreign channel", "conversations.history", bot, asForm, `channel=C0GENERAL`, "not_in_channel"},
		{"history of a private channel", "conversations.history", bot, asForm,
			`channel=G0SECRET`, "channel_not_found"},
		{"join needs its scope", "conversations.join", bot, asJSON, `{"channel":"C0GENERAL"}`, "missing_scope"},
		{"unknown user", "users.info", bot, asForm, `user=U9`, "user_not_found"},
		{"unknown group", "usergroups.users.list", bot, asForm, `usergroup=S9`, "no_such_subteam"},
		{"unknown trigger", "views.open", bot, asJSON, `{"trigger_id":"1.2.3","view":{}}`, "invalid_trigger_id"},
		{"bad Home tab", "views.publish", bot, asJSON,
			`{"user_id":"U0ANA","view":{"type":"home","blocks":[{"type":"task_card","task_id":"a","title":"b"}]}}`,
			"invalid_arguments"},
		{"unknown hash", "views.publish", bot, asJSON,
			`{"user_id":"U0ANA","hash":"1.2","view":{"type":"home","blocks":[]}}`, "hash_conflict"},
		{"no view to update", "views.update", bot, asJSON, `{"view_id":"V9","view":{"type":"modal"}}`, "not_found"},
		{"two things to validate", "blocks.validate", bot, asJSON, `{"blocks":[],"view":{}}`, "invalid_arguments"},
		{"a message to validate", "blocks.validate", bot, asJSON,
			`{"message":{"blocks":[{"type":"alert"}]}}`, "invalid_message"},
		{"a view of nothing to validate", "blocks.validate", bot, asJSON, `{"view":{"type":"modal"}}`, "invalid_view"},
		{"blocks to validate", "blocks.validate", bot, asJSON, `{"blocks":[{"type":"alert"}]}`, "invalid_blocks"},
		{"a view to validate", "blocks.validate", bot, asJSON,
			`{"view":{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":[]}}`, ""},
		{"no upload", "files.completeUploadExternal", bot, asJSON, `{"files":[{"id":"F9"}]}`, "file_not_found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, answer, _ := r.post(t, c.method, c.token, c.kind, c.body)
			got, _ := answer["error"].(string)
			if got != c.want || status != http.StatusOK || answer["ok"] != (c.want == "") {
				t.Errorf("%d %v, want error %q", status, answer, c.want)
			}
		})
	}
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) { c.App.Scopes = []string{"chat:write"} })
	_, _, err := r.api.PostMessage(
		workspace.OpsChannel,
		slack.MsgOptionText("x", false),
		slack.MsgOptionBlocks(slack.NewHeaderBlock(plain(strings.Repeat("x", 151)))),
	)
	var failed slack.SlackErrorResponse
	if !errors.As(err, &failed) || failed.Err != "invalid_blocks" {
		t.Fatal(err)
	}
	want := "must be less than 151 characters [json-pointer:/blocks/0/text/text]"
	if len(failed.Errors) != 1 || *failed.Errors[0].Message != want ||
		!slices.Equal(failed.ResponseMetadata.Messages, []string{"[ERROR] " + want}) {
		t.Errorf("invalid_blocks: %+v", failed)
	}
	_, answer, header := r.post(t, "users.info", workspace.SampleBotToken, asForm, "user=U0ANA")
	refusal := map[string]any{"ok": false, "error": "missing_scope", "needed": "users:read", "provided": "chat:write"}
	if diff := cmp.Diff(refusal, answer); diff != "" {
		t.Error(diff)
	}
	if header.Get("X-OAuth-Scopes") != "chat:write" {
		t.Error("no scopes in the header")
	}
	_, answer, _ = r.post(
		t,
		"views.publish",
		workspace.SampleBotToken,
		asJSON,
		`{"user_id":"U0ANA","view":{"type":"home","blocks":[{"type":"plan","title":"x","tasks":[]},`+
			`{"type":"alert"}]}}`,
	)
	got := answer["response_metadata"].(map[string]any)["messages"]
	if diff := cmp.Diff([]any{"[ERROR] failed to match all allowed schemas [json-pointer:/view]",
		"[ERROR] unsupported type: plan [json-pointer:/view/blocks/0/type]",
		"[ERROR] unsupported type: alert [json-pointer:/view/blocks/1/type]"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestRateLimits(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *workspace.Config) { c.Rates.PostBurst = 2; c.Rates.Tiers = [4]int{1, 2, 50, 100} })
	post := func(ch string) error { _, _, err := r.api.PostMessage(ch, slack.MsgOptionText("x", false)); return err }
	for range 2 {
		if err := post(workspace.OpsChannel); err != nil {
			t.Fatal(err)
		}
	}
	var limited *slack.RateLimitedError
	if err := post(workspace.OpsChannel); !errors.As(err, &limited) || limited.RetryAfter != time.Second {
		t.Errorf("the third post at once: %v", err)
	}
	if err := post(workspace.BoardChannel); err != nil {
		t.Errorf("another channel: %v", err)
	}
	for range 2 {
		if _, err := r.api.GetUserGroups(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.api.GetUserGroups(); !errors.As(err, &limited) || limited.RetryAfter < time.Second {
		t.Errorf("the third call of a tier of two: %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := soon(t)
	order := func(f workspace.Fault) {
		t.Helper()
		if err := r.Order(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	count := func() int {
		h, err := r.api.GetConversationHistory(
			&slack.GetConversationHistoryParameters{ChannelID: workspace.OpsChannel},
		)
		if err != nil {
			t.Fatal(err)
		}
		return len(h.Messages)
	}
	post := func() error {
		_, _, err := r.api.PostMessage(workspace.OpsChannel, slack.MsgOptionText("x", false))
		return err
	}

	order(workspace.Fault{Kind: workspace.FaultError, Method: "chat.postMessage", Error: "fatal_error", Times: 2})
	for range 2 {
		if err := post(); err == nil || err.Error() != "fatal_error" {
			t.Error(err)
		}
	}
	order(workspace.Fault{Kind: workspace.FaultStatus, Method: "chat.postMessage", Status: 503})
	var status slack.StatusCodeError
	if err := post(); !errors.As(err, &status) || status.Code != 503 {
		t.Error(err)
	}
	order(workspace.Fault{Kind: workspace.FaultRateLimit, Method: "chat.postMessage", RetryAfter: 7 * time.Second})
	var limited *slack.RateLimitedError
	if err := post(); !errors.As(err, &limited) || limited.RetryAfter != 7*time.Second {
		t.Error(err)
	}
	order(workspace.Fault{Kind: workspace.FaultRateLimit, Method: "chat.postMessage"})
	if err := post(); !errors.As(err, &status) || status.Code != 429 {
		t.Errorf("a 429 without Retry-After: %v", err)
	}
	if n := count(); n != 0 {
		t.Fatalf("%d messages where none was posted", n)
	}
	order(workspace.Fault{Kind: workspace.FaultCut, Method: "chat.postMessage"})
	if err := post(); err == nil {
		t.Error("a cut answer arrived")
	}
	order(workspace.Fault{Kind: workspace.FaultHang, Method: "chat.postMessage", Delay: time.Millisecond})
	if err := post(); err == nil {
		t.Error("a hanging answer arrived")
	}
	if n := count(); n != 2 {
		t.Errorf("%d messages, want the 2 whose answers were lost", n)
	}
	order(workspace.Fault{Kind: workspace.FaultUnsupported, Reason: "plan"})
	_, _, err := r.api.PostMessage(
		workspace.OpsChannel,
		slack.MsgOptionText("x", false),
		slack.MsgOptionBlocks(slack.NewPlanBlock("x")),
	)
	if err == nil || err.Error() != "invalid_blocks" {
		t.Error(err)
	}
	order(workspace.Fault{Kind: workspace.FaultUnsupported, Reason: "plan", Times: -1})
	plan := slack.MsgOptionBlocks(slack.NewPlanBlock("x"))
	if _, _, err := r.api.PostMessage(workspace.OpsChannel, slack.MsgOptionText("x", false), plan); err != nil {
		t.Error(err)
	}
	if err := r.Order(ctx, workspace.Fault{Kind: workspace.FaultError, Method: "chat.say", Error: "x"}); err == nil {
		t.Error("a fault for a method that does not exist was taken")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx := soon(t)
	_, parent, err := r.api.PostMessage(workspace.OpsChannel, slack.MsgOptionText("parent", false))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.api.UploadFileContext(
		ctx,
		slack.UploadFileParameters{Filename: "run.log", Content: "one\ntwo\n", FileSize: 8, Title: "Log",
			Channel: workspace.OpsChannel, ThreadTimestamp: parent, InitialComment: "the *log*"},
	)
	if err != nil {
		t.Fatal(err)
	}
	ana := workspace.As(r, workspace.Ana)
	m, err := ana.WaitMessage(ctx, "ops", func(m workspace.Message) bool { return len(m.Files) == 1 })
	if err != nil {
		t.Fatal(err)
	}
	if m.ThreadTS != parent || m.Text != "the *log*" || string(m.Files[0].Data) != "one\ntwo\n" ||
		m.Files[0].Title != "Log" {
		t.Errorf("shared: %+v", m)
	}
	info, _, _, err := r.api.GetFileInfo(f.ID, 0, 0)
	if err != nil || info.Shares.Public[workspace.OpsChannel][0].Ts != m.TS {
		t.Fatalf("files.info: %+v, %v", info, err)
	}
	var got bytes.Buffer
	if err := r.api.GetFile(info.URLPrivateDownload, &got); err != nil || got.String() != "one\ntwo\n" {
		t.Errorf("download: %q, %v", got.String(), err)
	}
	res, err := http.Get(info.URLPrivate)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if page, _ := io.ReadAll(res.Body); res.StatusCode != 200 || !strings.Contains(string(page), "Sign in to") {
		t.Errorf("without a token: %s %s", res.Status, page)
	}
	again := slack.CompleteUploadExternalParameters{Files: []slack.FileSummary{{ID: f.ID}}}
	if _, err := r.api.CompleteUploadExternalContext(ctx, again); err == nil || err.Error() != "file_not_found" {
		t.Errorf("completing twice: %v", err)
	}
	// Uploaded is not yet shown anywhere: an image block with it is too early.
	early := slack.MsgOptionBlocks(
		slack.NewImageBlockSlackFile(&slack.SlackFileObject{ID: "F0AAAAAAAA"}, "alt", "", nil))
	_, _, err = r.api.PostMessage(workspace.OpsChannel, slack.MsgOptionText("x", false), early)
	if err == nil || err.Error() != "invalid_blocks" {
		t.Errorf("an image of no file: %v", err)
	}
}
