package page_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/page"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// blocks are hostile where text is allowed.
const blocks = `[{"type":"header","text":{"type":"plain_text","text":"<script>"}},
	{"type":"section","text":{"type":"mrkdwn",
		"text":"*bold* <javascript:alert(1)|bad> <@U0BO> &lt;b&gt;, by <@U0ANA>"}},
	{"type":"actions","block_id":"act","elements":[{"type":"button","action_id":"go","style":"primary",
		"text":{"type":"plain_text","text":"Go"},
		"confirm":{"title":{"type":"plain_text","text":"Sure?"},"text":{"type":"plain_text","text":"\"Really\""},
		"confirm":{"type":"plain_text","text":"Yes"},"deny":{"type":"plain_text","text":"No"}}}]}]`

func TestPage(t *testing.T) {
	t.Parallel()
	slack, err := workspace.New(workspace.Sample())
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(slack.Handler())
	broken := 0
	srv := httptest.NewServer(page.Handler(page.Config{
		Workspace: slack, Channel: "ops",
		Welcome: &page.Welcome{Title: "Hello", Command: "/onboard", Label: "Slug"},
		Faults: []page.Fault{{ID: "it", Label: "Break", Do: func(context.Context) (string, error) {
			broken++
			return "broken", nil
		}}},
	}))
	t.Cleanup(func() { slack.Close(); srv.Close(); api.Close() })

	if status, text := get(t, srv.URL+"/"); status != 200 || !strings.Contains(text, `data-command="/onboard"`) {
		t.Errorf("%d: nobody is welcome: %s", status, text)
	}
	sent, err := http.PostForm(api.URL+"/api/chat.postMessage", url.Values{
		"token": {workspace.SampleBotToken}, "channel": {workspace.OpsChannel}, "text": {"x"}, "blocks": {blocks}})
	if err != nil {
		t.Fatal(err)
	}
	sent.Body.Close()
	screen, err := slack.Look(t.Context(), workspace.Bo, 0)
	if err != nil {
		t.Fatal(err)
	}
	ops, _ := screen.Channel("ops")
	if len(ops.Messages) != 1 {
		t.Fatalf("the message was not posted: %+v", ops)
	}
	status, text := get(t, srv.URL+"/?user=U0BO&channel=ops&thread="+ops.Messages[0].TS)
	for _, want := range []string{
		"&lt;script&gt;", "<b>bold</b>", `<a href="#">bad</a>`, `<span class="mention">@Bo Lindqvist</span>`,
		"&lt;b&gt;", `data-target="act/go"`, `data-confirm-text="&#34;Really&#34;"`, "waiting for you", "Thread",
	} {
		if status != 200 || !strings.Contains(text, want) {
			t.Errorf("%d: the page lacks %s", status, want)
		}
	}
	if _, text := get(t, srv.URL+"/?user=U0ANA&channel=ops"); strings.Contains(text, "waiting for you") {
		t.Error("a message waits for the one who did something")
	}
	if strings.Contains(text, "data-command") {
		t.Error("the welcome stays after something was written")
	}
	if status, _ := get(t, srv.URL+"/?user=U9"); status != 404 {
		t.Errorf("an unknown person: %d", status)
	}
	if status, text := get(t, srv.URL+"/?view=home"); status != 200 || !strings.Contains(text, "Nothing here yet.") {
		t.Errorf("%d %s", status, text)
	}
	for _, press := range []struct {
		origin, host string
		want         int
	}{{"same-origin", "", 200}, {"same-origin", "rebound.example", 403}, {"cross-site", "", 403}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/break/it", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Sec-Fetch-Site", press.origin)
		request.Host = press.host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != press.want {
			t.Errorf("a press from %+v: %d", press, response.StatusCode)
		}
	}
	if broken != 1 {
		t.Errorf("broken %d times", broken)
	}
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}
