package stage_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestBrowser is what a newcomer does with nothing but the address: a Provider is onboarded by two
// people, with a mistake in the form, a rejection, and the bot killed in the middle.
func TestBrowser(t *testing.T) {
	th := open(t)
	ana := th.window("", wide, high)
	ana.sees(".welcome", "You are Ana")
	ana.accessible()
	asks(ana)

	// Bo is somebody else in another window at the same time.
	bo := th.window("user=U0BO", wide, high)
	bo.sees("nav .here", "waiting for you")
	bo.js(`document.querySelector('#messages .replies').click()`)
	rejects(ana, bo)

	// What Ana has begun to write stays, whatever happens around it.
	ana.js(`document.querySelector('#reply').focus()`)
	ana.do(chromedp.KeyEvent("Thank"))
	breaks(bo)
	approveAll(bo)
	ana.sees("#replies", "is live")
	ana.waitFor(`document.activeElement.id === 'reply' && document.activeElement.value === 'Thank'`)
	ana.do(chromedp.KeyEvent(" you\r"))
	bo.sees("#replies", "Thank you")
	ana.accessible()
	ana.picture("finished")

	looksAtTheWorld(ana)
	reads(ana)
	onThePhone(th)
	survivesARestart(ana, bo)
	confirms(ana)
}

// asks lets Ana request a Provider, after a mistake.
func asks(ana *window) {
	ana.th.t.Helper()
	ana.press(".welcome", "Start")
	ana.sees("dialog[open] h2", "Onboard")
	ana.accessible()
	ana.fill("Email", "nonsense")
	ana.press("dialog[open] footer", "Start")
	ana.sees("dialog .wrong", "Please")
	ana.waitFor(`document.activeElement.getAttribute('aria-invalid') === 'true'`)
	ana.accessible()
	ana.fill("Email", "merche@example.com")
	ana.fill("Display name", "Merche Biche")
	ana.choose("Person-only")
	ana.picture("form")
	ana.press("dialog[open] footer", "Start")
	ana.waitFor(`!document.querySelector('dialog[open]')`)
	ana.waitFor(`document.querySelector('#messages .replies')`)
	ana.js(`document.querySelector('#messages .replies').click()`)
	ana.sees("#replies", "Database rows: approval needed")
}

// rejects lets Bo reject the rows with a reason, and Ana ask again.
func rejects(ana, bo *window) {
	ana.th.t.Helper()
	bo.sees("#replies", "Database rows: approval needed")
	bo.accessible()
	bo.picture("approval")
	bo.js(`[...document.querySelectorAll('#replies article')].find(a => a.innerText.includes('Database rows: approval needed'))
		.querySelector('button.danger').click()`)
	bo.sees("dialog[open] h2", "Reject")
	bo.fill("Why not?", "Ask their agency first")
	bo.press("dialog[open] footer", "Reject")
	ana.sees("#replies", "Ask their agency first")
	ana.press("#replies", "Retry")
	ana.waitFor(`[...document.querySelectorAll('#replies article')].some(a =>
		a.innerText.includes('Database rows: approval needed') && a.querySelector('button.danger'))`)
}

// breaks drops the connections, kills the bot and starts another replica, each by its button.
func breaks(w *window) {
	w.th.t.Helper()
	w.press(".tabs", "Break it")
	w.sees("#panel", "kill -9")
	w.accessible()
	w.picture("break-it")
	for _, fault := range []struct{ id, says string }{
		{"sockets", "dropped"}, {"storm", "429"}, {"replica", "was started"}, {"kill", "started again"},
		{"replica", "was stopped"}, {"nameserver", "answers nothing"}, {"nameserver", "answers again"},
	} {
		w.js("say('')")
		w.js("document.querySelector('#break-" + fault.id + "').click()")
		w.sees("#said", fault.says)
	}
	w.press("#world", "✕")
}

// approveAll presses Approve in the open thread until the run has ended.
func approveAll(w *window) {
	w.th.t.Helper()
	const ended = `document.querySelector('#replies').innerText.includes('is live')`
	const approve = `[...document.querySelectorAll('#replies button.primary:not([aria-busy])')].find(b => b.innerText === 'Approve')`
	for {
		w.waitFor(ended + " || " + approve)
		done, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool](ended))
		if err != nil {
			w.fail(err)
		}
		if done {
			return
		}
		w.js(approve + "?.click()")
	}
}

// looksAtTheWorld opens every panel beside the thread.
func looksAtTheWorld(w *window) {
	w.th.t.Helper()
	for _, panel := range []struct{ tab, says string }{
		{"Rows", "merche@example.com"}, {"DNS", "merche-biche.com. 60 IN A 203.0.113.10"},
		{"Repository", "Requester"}, {"Site", "200 OK"}, {"Isolation", "tenants"},
	} {
		w.press(".tabs", panel.tab)
		w.sees("#panel", panel.says)
		w.accessible()
		if panel.tab == "Site" {
			w.waitFor(`document.querySelector('#panel iframe').src.includes('/site/merche-biche.com/')`)
		}
	}
	response, err := http.Get(w.th.url + "/site/merche-biche.com/")
	if err != nil {
		w.fail(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		w.th.t.Errorf("the frame shows %s", response.Status)
	}
	w.press("#world", "✕")
}

// reads opens Home, and asks for the certificates and an isolation report with commands.
func reads(w *window) {
	w.th.t.Helper()
	w.press("nav", "Onboard Home")
	w.sees("#home", "Merche Biche")
	w.accessible()
	w.picture("home")
	w.press("nav", "# ops")
	w.press(".tabs", "Site")
	w.waitFor(`document.querySelector('#panel iframe')`)
	w.js(`document.querySelector('#messages').scrollTop = 0`)
	w.picture("story")
	w.press("#world", "✕")
	for _, command := range []struct{ text, says string }{
		{"/certificates", "merche-biche.com"}, {"/isolation-report", "No tenant can reach"}, {"/nonsense", ""},
	} {
		w.waitFor(`document.querySelector('#write')`)
		w.js(`document.querySelector('#write').focus()`)
		w.do(chromedp.KeyEvent(command.text + "\r"))
		if command.says == "" {
			w.sees("#said", "is not a valid command")
			continue
		}
		w.sees("#messages article:not(.ephemeral)", command.says)
		w.accessible()
		w.picture(strings.TrimPrefix(command.text, "/"))
	}
	w.do(chromedp.KeyEvent("\ue013")) // The arrow up recalls what was sent.
}

// onThePhone opens the thread on a narrow screen.
func onThePhone(th *theater) {
	th.t.Helper()
	phone := th.window("user=U0BO", narrow, phoneHigh)
	phone.sees("#messages", "Live")
	phone.js(`document.querySelector('#menu').click()`)
	phone.waitFor(`document.querySelector('nav').offsetWidth > 0`)
	phone.accessible()
	phone.press("nav", "# ops")
	phone.waitFor(`document.querySelector('nav').offsetWidth === 0`)
	phone.js(`document.querySelector('#messages .replies').click()`)
	phone.sees("#replies", "is live")
	phone.waitFor(`document.scrollingElement.scrollWidth <= innerWidth`)
	phone.accessible()
	phone.picture("phone")
}

// survivesARestart cuts what connects the windows with the server.
func survivesARestart(ana, bo *window) {
	ana.th.t.Helper()
	ana.th.listener.cut(true)
	ana.waitFor(`!document.querySelector('#lost').hidden`)
	ana.th.listener.cut(false)
	ana.waitFor(`document.querySelector('#lost').hidden`)
	bo.js(`document.querySelector('#reply').focus()`)
	bo.do(chromedp.KeyEvent("back again\r"))
	ana.js(`document.querySelector('#messages .replies').click()`)
	ana.sees("#replies", "back again")
}

// confirms answers a confirmation dialog with both of its buttons.
func confirms(ana *window) {
	t := ana.th.t
	t.Helper()
	const blocks = `[{"type":"actions","elements":[{"type":"button","action_id":"unknown","text":{"type":"plain_text","text":"Go"},
		"confirm":{"title":{"type":"plain_text","text":"Sure?"},"text":{"type":"plain_text","text":"Really"},
		"confirm":{"type":"plain_text","text":"Yes"},"deny":{"type":"plain_text","text":"No"}}}]}]`
	sent, err := http.PostForm("http://"+sandbox.WorkspaceAddress+"/api/chat.postMessage", url.Values{
		"token": {workspace.SampleBotToken}, "channel": {workspace.BoardChannel}, "text": {"x"}, "blocks": {blocks}})
	if err != nil {
		t.Fatal(err)
	}
	sent.Body.Close()
	ana.press("nav", "# board")
	pressed := func() (n int) {
		events, err := ana.th.Slack.Transcript(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == workspace.KindPerson && e.Name == string(workspace.DoPress) && strings.HasSuffix(e.Detail, "/unknown") {
				n++
			}
		}
		return n
	}
	for want, answer := range []string{"No", "Yes"} {
		ana.press("#messages article", "Go")
		ana.sees("#confirm[open]", "Really")
		ana.accessible()
		ana.press("#confirm", answer)
		ana.waitFor(`!document.querySelector('#confirm').open && !document.querySelector('[aria-busy]')`)
		if got := pressed(); got != want {
			t.Errorf("after %s it was pressed %d times, not %d", answer, got, want)
		}
	}
}
