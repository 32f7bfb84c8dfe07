package stage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/atlilith/onboardbot/internal/sandbox/page"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// formView has every kind of input that people meet in Slack; the product's own forms have some of
// them.
const formView = `{"type":"modal","title":{"type":"plain_text","text":"Everything"},
	"submit":{"type":"plain_text","text":"Send"},"blocks":[%s]}`

// formInputs are the inputs of the form, with what a person enters and what the app reads.
var formInputs = []struct{ kind, more, enter, want string }{
	{"plain_text_input", `"multiline":true`, "one\ntwo", `"one\ntwo"`},
	{"email_text_input", ``, "ana@example.com", `"ana@example.com"`},
	{"url_text_input", ``, "https://example.com", `"https://example.com"`},
	{"number_input", `"is_decimal_allowed":false`, "15", `"15"`},
	{"static_select", options, "Two", `"2"`},
	{"multi_static_select", options, "One,Two", `["1","2"]`},
	{"users_select", ``, "U0BO", `"U0BO"`},
	{"multi_users_select", ``, "U0BO,U0CLEO", `["U0BO","U0CLEO"]`},
	{"channels_select", ``, "C0GENERAL", `"C0GENERAL"`},
	{"conversations_select", ``, "C0OPS", `"C0OPS"`},
	{"external_select", `"min_query_length":2`, "xyz", `"z"`},
	{"radio_buttons", options, "Two", `"2"`},
	{"checkboxes", options, "One,Two", `["1","2"]`},
	{"datepicker", ``, "2026-12-24", `"2026-12-24"`},
	{"timepicker", ``, "09:30", `"09:30"`},
	{"datetimepicker", ``, "2026-12-24T09:30", `1798104600`},
	{"file_input", ``, "notes.txt", `["notes.txt"]`},
}

const options = `"options":[{"value":"1","text":{"type":"plain_text","text":"One"}},
	{"value":"2","text":{"type":"plain_text","text":"Two"}}]`

// fillsEveryKind lets Ana fill in a form with every kind of input, in a workspace of its own.
func fillsEveryKind(th *theater) {
	t := th.t
	t.Helper()
	blocks := ""
	for i, in := range formInputs {
		more := in.more
		if more != "" {
			more = "," + more
		}
		if i > 0 {
			blocks += ","
		}
		blocks += fmt.Sprintf(`{"type":"input","block_id":%[1]q,"label":{"type":"plain_text","text":%[1]q},
			"element":{"type":%[1]q,"action_id":"a"%[2]s}}`, in.kind, more)
	}
	slackWorkspace, submitted := formApp(t, fmt.Sprintf(formView, blocks))
	server := httptest.NewServer(page.Handler(page.Config{Workspace: slackWorkspace, Channel: "ops"}))
	t.Cleanup(server.Close)
	ana := th.open(server.URL+"/?user=U0ANA", wide, high)
	ana.waitFor(`document.activeElement.id === 'write'`)
	ana.keys("/onboard\r")
	ana.sees("dialog[open] h2", "Everything")
	ana.accessible()

	// Nothing is entered yet, and every input says so.
	ana.press("dialog[open] footer", "Send")
	ana.waitFor(fmt.Sprintf(`document.querySelectorAll('dialog .wrong').length === %d`, len(formInputs)))
	ana.accessible()
	notes := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(notes, []byte("notes"), 0o644); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{}
	for _, in := range formInputs {
		var value any
		if err := json.Unmarshal([]byte(in.want), &value); err != nil {
			t.Fatal(err)
		}
		want[in.kind] = value
		if in.kind == "file_input" {
			ana.do(chromedp.SetUploadFiles(chromedp.CSS(`dialog input[type=file]`), []string{notes}))
			continue
		}
		// As a person's choice or text does, each ends in the event that the page listens to.
		ana.js(fmt.Sprintf(`for (const i of document.querySelectorAll('dialog [data-kind=%q]')) {
			const entered = %q.split(',')
			if (i.type === 'radio' || i.type === 'checkbox') { if (entered.includes(i.value)) i.click(); continue }
			if (i.multiple) for (const o of i.options) o.selected = entered.includes(o.value)
			else i.value = %[2]q
			i.dispatchEvent(new Event('change', {bubbles: true}))
		}`, in.kind, in.enter))
	}
	// What was entered survives that the form is drawn anew.
	ana.sees("dialog[open]", "notes.txt")
	ana.js("draw()")
	ana.waitFor(`!drawing
		&& [...document.querySelectorAll('dialog select[multiple]')].every(s => s.selectedOptions.length === 2)
		&& document.querySelector('dialog [type=date]').value === '2026-12-24'
		&& document.querySelector('dialog [type=datetime-local]').value === '2026-12-24T09:30'
		&& document.querySelector('dialog [data-kind=users_select]').value === 'U0BO'
		&& document.querySelectorAll('dialog :checked:not(option)').length === 3`)
	ana.press("dialog[open] footer", "Send")
	ana.waitFor(`!document.querySelector('dialog[open]')`)
	ana.waitFor(`document.activeElement.id === 'write'`)
	got := <-submitted
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// formApp is an app in a workspace of its own that opens a view for its command, and sends what
// was submitted: a value, or a list, by kind of input.
func formApp(t *testing.T, view string) (*workspace.Workspace, <-chan map[string]any) {
	t.Helper()
	var request slack.ModalViewRequest
	if err := json.Unmarshal([]byte(view), &request); err != nil {
		t.Fatal(err)
	}
	config := workspace.Sample()
	w, err := workspace.New(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w.Handler())
	api := slack.New(config.App.BotToken, slack.OptionAppLevelToken(config.App.AppToken),
		slack.OptionAPIURL(server.URL+"/api/"))
	client := socketmode.New(api, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = client.RunContext(ctx) }()
	t.Cleanup(func() { cancel(); <-ended; w.Close(); server.Close() })
	submitted, hello := make(chan map[string]any, 1), make(chan struct{}, 10)
	answer := func(e socketmode.Event) {
		switch data := e.Data.(type) {
		case slack.SlashCommand:
			_ = client.Ack(*e.Request)
			if _, err := api.OpenView(data.TriggerID, request); err != nil {
				t.Error(err)
			}
		case slack.InteractionCallback:
			if data.Type == slack.InteractionTypeBlockSuggestion {
				_ = client.Ack(*e.Request, slack.OptionsResponse{Options: []*slack.OptionBlockObject{
					slack.NewOptionBlockObject("z",
						slack.NewTextBlockObject("plain_text", data.Value, false, false), nil)}})
				return
			}
			_ = client.Ack(*e.Request)
			values := map[string]any{}
			for kind, action := range data.View.State.Values {
				values[kind] = entered(action["a"])
			}
			submitted <- values
		}
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case e := <-client.Events:
				if e.Type == socketmode.EventTypeHello {
					hello <- struct{}{}
				} else if e.Request != nil {
					go answer(e)
				}
			}
		}
	}()
	select {
	case <-hello:
	case <-time.After(patience):
		t.Fatal("the app got no hello")
	}
	return w, submitted
}

// entered is the value of an input, or the list of its values.
func entered(a slack.BlockAction) any {
	var list []any
	for _, o := range a.SelectedOptions {
		list = append(list, o.Value)
	}
	for _, u := range a.SelectedUsers {
		list = append(list, u)
	}
	for _, f := range a.Files {
		list = append(list, f.Name)
	}
	if list != nil {
		return list
	}
	if a.SelectedDateTime != 0 {
		return float64(a.SelectedDateTime)
	}
	for _, v := range []string{a.Value, a.SelectedOption.Value, a.SelectedUser, a.SelectedChannel,
		a.SelectedConversation, a.SelectedDate, a.SelectedTime} {
		if v != "" {
			return v
		}
	}
	return nil
}
