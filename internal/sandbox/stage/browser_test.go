package stage_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

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
	rejects(ana, bo)

	// What Ana has begun to write stays, and what she reads, whatever happens around it.
	ana.js(`{const log = document.querySelector('#replies'), read = log.querySelector('article:nth-of-type(2)')
		log.scrollTop += read.getBoundingClientRect().top - log.getBoundingClientRect().top + 5}`)
	const place = `document.querySelector('#replies article:nth-of-type(2)').getBoundingClientRect().top -
		document.querySelector('#replies').getBoundingClientRect().top`
	ana.js(`document.querySelector('#reply').focus({preventScroll: true})`)
	ana.do(chromedp.KeyEvent("Thank"))
	breaks(bo)
	approveAll(bo, "no usable answer from ns2")
	bo.breakIt("nameserver", "answers again")
	bo.press("#world", "✕")
	approveAll(bo, "is live")
	ana.sees("#replies", "the target changed after this was approved")
	ana.sees("#replies", "is live")
	weathered(ana)
	ana.waitFor(`Math.abs(` + place + ` + 5) < 1`)
	ana.press("#thread", "New messages")
	ana.waitFor(`atEnd(document.querySelector('#replies')) && document.querySelector('#newer-replies').hidden`)
	ana.js(`document.querySelector('#reply').focus()`)
	ana.waitFor(`document.activeElement.id === 'reply' && document.activeElement.value === 'Thank'`)
	ana.do(chromedp.KeyEvent(" you\r"))
	bo.sees("#replies", "Thank you")
	ana.accessible()
	ana.picture("finished")

	follows(ana)
	looksAtTheWorld(ana)
	reads(ana)
	fillsEveryInput(th)
	fillsEveryKind(th)
	turnsATable(th)
	onThePhone(th)
	survivesARestart(ana, bo)
	undoes(ana, bo)
	crowds(th)
}

// asks lets Ana request a Provider by keyboard alone, after a mistake.
func asks(ana *window) {
	ana.th.t.Helper()
	ana.waitFor(`document.activeElement.id === 'starter'`)
	ana.keys("\r")
	ana.sees("dialog[open] h2", "Onboard")
	ana.accessible()
	ana.keys("Merche Biche", kb.Tab, "nonsense", "\r")
	ana.sees("dialog .wrong", "Please")
	ana.waitFor(`document.activeElement.getAttribute('aria-invalid') === 'true'`)
	ana.accessible()
	ana.keys(kb.End, strings.Repeat(kb.Backspace, len("nonsense")), "merche@example.com", kb.Tab)
	ana.waitFor(`document.activeElement.value === 'Person-only'`)
	ana.picture("form")
	ana.keys("\r")
	ana.waitFor(`!document.querySelector('dialog[open]')`)
	ana.waitFor(`document.querySelector('#messages .replies')`)
	ana.tabTo(`document.querySelector('#messages .replies')`)
	ana.keys("\r")
	ana.sees("#replies", "Database rows: approval needed")
}

// request finds the message of an approval request in the open thread.
func request(step string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('#replies article')]
		.findLast(a => a.innerText.includes(%q + ': approval needed') && a.querySelector('button.danger'))`, step)
}

// rejectButton finds the button that rejects the change of a step in the open thread.
func rejectButton(step string) string {
	return fmt.Sprintf(`[...document.querySelectorAll('#replies button.danger')]
		.findLast(b => b.ariaLabel === 'Reject… ' + %q)`, step)
}

// rejects lets Bo reject the rows with a reason, and Ana ask again, by keyboard alone.
func rejects(ana, bo *window) {
	ana.th.t.Helper()
	bo.waitFor(`document.activeElement.id === 'write'`)
	bo.sees("#messages .replies", "waiting for you")
	bo.tabTo(`document.querySelector('#messages .replies')`)
	bo.keys("\r")
	// The thread opens at the first message that waits for him.
	bo.waitFor(request("Database rows") + ` === document.activeElement`)
	bo.accessible()
	bo.picture("approval")
	bo.tabTo(rejectButton("Database rows"))
	bo.keys("\r")
	bo.sees("dialog[open] h2", "Reject")
	bo.waitFor(`document.activeElement.matches('dialog[open] textarea, dialog[open] input')`)
	bo.keys("Ask their agency first", kb.Tab)
	bo.tabTo(`document.querySelector('dialog[open] [type=submit]')`)
	bo.keys("\r")
	// The focus stays at the message, and its reading place.
	bo.waitFor(`document.activeElement.innerText.includes('Database rows: rejected')`)
	ana.sees("#replies", "Ask their agency first")
	const retry = `[...document.querySelectorAll('#replies button')].find(b => b.innerText === 'Retry')`
	ana.tabTo(retry)
	// He reads the beginning of the thread, and stays there.
	bo.js(`document.querySelector('#replies').scrollTop = 0`)
	ana.keys("\r")
	ana.waitFor(request("Database rows"))
	bo.waitFor(`!document.querySelector('#newer-replies').hidden`)
}

// breaks drops the connections, kills the bot and starts another replica, each by its button.
func breaks(w *window) {
	w.th.t.Helper()
	w.press(".tabs", "Break it")
	w.sees("#panel", "kill -9")
	w.accessible()
	w.picture("break-it")
	w.sees("#replies", "DNS of merche-biche.com: approval needed")
	for _, fault := range []struct{ id, says string }{
		{"drift", "Now: www.merche-biche.com has the address"}, {"sockets", "dropped"}, {"storm", "refusals are left"},
		{"replica", "Now: two replicas"}, {"kill", "started again"}, {"replica", "was stopped"},
		{"nameserver", "Now: the second name server"},
	} {
		w.breakIt(fault.id, fault.says)
	}
}

// breakIt presses a button of the panel and waits for what it says then.
func (w *window) breakIt(id, says string) {
	w.th.t.Helper()
	w.js("document.querySelector('#break-" + id + "').click()")
	w.sees("#done-"+id, says)
}

// approve finds a request in the open thread that the window has not pressed yet.
const approve = `[...document.querySelectorAll('#replies button.primary')]
	.find(b => b.innerText === 'Approve' && !(window.pressed ??= new Set()).has(b.id))`

// whole is the button of a form that shows a whole change: its next page, or Approve.
const whole = `document.querySelector('dialog[open] [type=submit]:not([aria-busy])')`

// approveAll presses Approve in the open thread, by keyboard, until a message there has the word.
// A request that hides lines opens a form that shows all of them.
func approveAll(w *window, word string) {
	w.th.t.Helper()
	ended := fmt.Sprintf(`document.querySelector('#replies')?.innerText.includes(%q)`, word)
	for {
		w.waitFor(ended + " || " + whole + " || " + approve)
		switch {
		case w.is(whole):
			w.tabTo(whole)
			w.js("document.activeElement.setAttribute('aria-busy', true)")
			w.keys("\r")
			continue
		case w.is(ended):
			return
		}
		w.tabTo(approve)
		if w.is(`document.activeElement.innerText === 'Approve'`) {
			w.js("pressed.add(window.last = document.activeElement.id)")
			w.keys("\r")
			// What Slack could not deliver, since no replica was connected, is pressed again.
			w.waitFor("!document.querySelector('#replies [aria-busy]')")
			w.js("if (document.querySelector('#said').textContent) pressed.delete(last)")
		}
	}
}

// weathered checks that the storm is over, and that every message arrived once.
func weathered(w *window) {
	w.th.t.Helper()
	if left := w.th.Slack.Pending(workspace.FaultRateLimit); left > 0 {
		w.th.t.Errorf("%d refusals did not happen", left)
	}
	const twice = `[...document.querySelectorAll('#replies article')]
		.map(a => a.querySelector('.grow').innerText.split('\n').slice(1).find(line => !line.startsWith('⏳ Delivered')))
		.filter((line, i, all) => all.indexOf(line) < i).join()`
	lines, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](twice))
	if err != nil {
		w.fail(err)
	}
	if lines != "" {
		w.th.t.Errorf("these messages came twice: %s", lines)
	}
}

// follows presses the link to the new site, and one to a thread: both lead to what is in the sandbox.
func follows(w *window) {
	w.th.t.Helper()
	w.press("#replies", "merche-biche.com")
	w.waitFor(`document.querySelector('#panel iframe')?.src.includes('/site/merche-biche.com/')`)
	w.press("#world", "✕")
	w.press("#thread", "✕")
	w.waitFor(`document.activeElement.id === 'write'`)
	w.keys("/onboard list\r")
	w.press("#messages .ephemeral", "thread")
	w.sees("#replies", "is live")
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
	w.waitFor(`document.querySelector('#messages')`)
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
		thread := fmt.Sprintf(`[...document.querySelectorAll('#messages article:not(.ephemeral)')]
			.find(a => a.innerText.includes(%q) && !a.innerText.includes('steps'))?.querySelector('.replies')`,
			command.says)
		w.waitFor(thread)
		w.js(thread + ".click()")
		w.waitFor(`document.querySelector('#replies')`)
		w.accessible()
		w.picture(strings.TrimPrefix(command.text, "/"))
		w.press("#thread", "✕")
		w.waitFor(`!document.querySelector('#replies')`)
	}
	completes(w)
	w.do(chromedp.KeyEvent(kb.ArrowUp))
	w.waitFor(`document.querySelector('#write').value === '/nonsense'`)
	w.do(chromedp.KeyEvent(kb.ArrowDown))
	w.waitFor(`document.querySelector('#write').value === ''`)
}

// completes chooses the command of an undo from those that begin with what was typed.
func completes(w *window) {
	w.th.t.Helper()
	const offered = `[...document.querySelectorAll('#commands li:not([hidden])')].map(o => o.dataset.text)`
	w.keys("/")
	w.waitFor(offered + `.includes('/certificates') && document.querySelector('#write').ariaExpanded === 'true'`)
	w.accessible()
	w.keys("onboard u", kb.ArrowDown, kb.Tab)
	w.waitFor(`document.querySelector('#write').value === '/onboard undo ' &&
		document.querySelector('#commands').hidden`)
	w.keys(strings.Repeat(kb.Backspace, len("undo ")), kb.Escape)
	w.waitFor(`document.querySelector('#commands').hidden`)
	w.keys(strings.Repeat(kb.Backspace, len("/onboard ")))
	w.waitFor(`document.activeElement.id === 'write' && document.activeElement.value === ''`)
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
	ana.do(chromedp.Reload())
	ana.sees("#replies", "back again")
	ana.press("#thread", "✕")
}

// undoes lets Ana take everything back, after second thoughts at the confirmation, and Bo approve.
func undoes(ana, bo *window) {
	ana.th.t.Helper()
	ana.press("nav", "# ops")
	ana.waitFor(`!document.querySelector('#replies')`)
	ana.js(`document.querySelector('#write').focus()`)
	ana.do(chromedp.KeyEvent("/onboard undo merche-biche\r"))
	ana.press("#messages .ephemeral", "Undo, delete certificates")
	ana.sees("#confirm[open]", "Delete the certificates too?")
	ana.accessible()
	// She presses again before the browser has told that the dialog was closed.
	ana.js(`{const again = [...document.querySelectorAll('#messages .ephemeral button')]
		.find(b => b.innerText.startsWith('Undo, delete certificates'))
		document.querySelector('#confirm [value=no]').click()
		again.click()}`)
	ana.press("#confirm[open]", "Undo and delete")
	bo.press("nav", "# ops")
	const thread = `[...document.querySelectorAll('#messages article')]
		.find(a => a.innerText.includes('Undoing'))?.querySelector('.replies')`
	bo.waitFor(thread)
	bo.js(thread + ".click()")
	bo.waitFor(request("Disable merche-biche.com"))
	bo.picture("undo")
	approveAll(bo, "Undone")
	ana.press(".tabs", "Rows")
	ana.sees("#panel", "No row differs")
}

// crowds opens more windows than a browser has connections to a server.
func crowds(th *theater) {
	th.t.Helper()
	for range 4 {
		th.window("user=U0CLEO", narrow, phoneHigh).sees("#messages", "Undone")
	}
}
