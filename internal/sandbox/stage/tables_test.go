package stage_test

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/internal/sandbox/page"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// turnsATable lets Ana sort, filter and page through a data table by keyboard, in a workspace of its
// own.
func turnsATable(th *theater) {
	t := th.t
	t.Helper()
	config := workspace.Sample()
	w, err := workspace.New(config)
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(w.Handler())
	screen := httptest.NewServer(page.Handler(page.Config{Workspace: w, Channel: "ops"}))
	t.Cleanup(func() { screen.Close(); w.Close(); api.Close() })
	app := slack.New(config.App.BotToken, slack.OptionAPIURL(api.URL+"/api/"))
	table := blockkit.Table{Caption: "Sites", Rows: [][]string{{"Site", "Left"}}, Numbers: map[int][]float64{}}
	for i := range 23 {
		// As text, "9 days" comes after "10 days".
		table.Rows = append(table.Rows, []string{fmt.Sprintf("site-%02d.example", i), fmt.Sprintf("%d days", 30-i)})
		table.Numbers[1] = append(table.Numbers[1], float64(30-i))
	}
	say(t, app, slack.MsgOptionBlocks(blockkit.DataTable(table)))
	ana := th.open(screen.URL+"/?user=U0ANA", wide, high)
	shows := func(first, says string) {
		t.Helper()
		ana.waitFor(fmt.Sprintf(`document.querySelector('tbody tr:not([hidden])')?.innerText.includes(%q) &&
			document.querySelector('.datatable [role=status]').innerText === %q`, first, says))
	}
	shows("site-00", "1 to 10 of 23")
	ana.accessible()
	const left = `document.querySelector('th:nth-child(2) button')`
	ana.tabTo(left)
	ana.keys("\r")
	shows("site-22", "1 to 10 of 23")
	ana.waitFor(left + `.parentElement.ariaSort === 'ascending'`)
	ana.tabTo(`[...document.querySelectorAll('.pages button')].at(-1)`)
	ana.keys("\r", "\r", "\r")
	shows("site-02", "21 to 23 of 23")
	// What she chose stays when the page is drawn anew, and so does the focus.
	say(t, app, slack.MsgOptionText("Something else", false))
	ana.sees("#messages", "Something else")
	shows("site-02", "21 to 23 of 23")
	ana.waitFor(`document.activeElement.innerText === 'Next page'`)
	ana.js(left + `.focus()`)
	ana.keys("\r")
	shows("site-00", "1 to 10 of 23")
	ana.waitFor(left + `.parentElement.ariaSort === 'descending'`)
	ana.js(`document.querySelector('.datatable input').focus()`)
	ana.keys("site-1")
	shows("site-10", "1 to 10 of 10")
	ana.keys("x")
	ana.waitFor(`document.querySelector('.datatable [role=status]').innerText === 'No row has this text.'`)
	ana.keys(kb.Backspace, kb.Backspace, "22")
	shows("site-22", "1 to 1 of 1")
	ana.accessible()
}

func say(t *testing.T, app *slack.Client, options ...slack.MsgOption) {
	t.Helper()
	if _, _, err := app.PostMessageContext(t.Context(), workspace.OpsChannel, options...); err != nil {
		t.Fatal(err)
	}
}
