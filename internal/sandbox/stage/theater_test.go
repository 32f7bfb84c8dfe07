package stage_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/atlilith/onboardbot/internal/sandbox/scratch"
	"github.com/atlilith/onboardbot/internal/sandbox/stage"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// theater is a stage and a browser.
type theater struct {
	*stage.Stage
	t        *testing.T
	url      string
	listener *flaky
	// browser is the context in which windows are opened.
	browser context.Context
}

// open starts a world, the product and headless Chromium.
func open(t *testing.T) *theater {
	t.Helper()
	dir, err := scratch.Dir("stage")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &flaky{Listener: tcp}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := testbed.Config{}
	config.World.Quick = true
	s, err := stage.Open(t.Context(), dir, stage.Config{
		Command: []string{self}, Environment: []string{asProduct}, Listener: listener, Testbed: config,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Log())
		}
	})
	th := &theater{Stage: s, t: t, url: "http://" + listener.Addr().String(), listener: listener}
	th.startBrowser(dir)
	return th
}

// startBrowser starts headless Chromium, whose files go into a folder.
func (th *theater) startBrowser(dir string) {
	t := th.t
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(dir+"/chromium"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WSURLReadTimeout(patience))
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	browser, closeBrowser := chromedp.NewContext(allocator)
	t.Cleanup(closeBrowser)
	if err := chromedp.Do(browser); err != nil {
		t.Fatal(err)
	}
	th.browser = browser
}

// window is one person's browser window.
type window struct {
	th  *theater
	ctx context.Context
}

// window opens a window at an address of the page.
func (th *theater) window(query string, width, height int64) *window {
	th.t.Helper()
	return th.open(th.url+"/?"+query, width, height)
}

// open opens a window at any address.
func (th *theater) open(url string, width, height int64) *window {
	th.t.Helper()
	ctx, cancel := chromedp.NewContext(th.browser)
	th.t.Cleanup(cancel)
	w := &window{th, ctx}
	thrown := chromedp.Events(ctx, runtime.ExceptionThrown)
	go func() {
		for e, err := range thrown {
			if err != nil {
				return
			}
			th.t.Errorf("the page's script failed: %s", e.ExceptionDetails.Text)
		}
	}()
	w.do(chromedp.EmulateViewport(width, height), chromedp.Navigate(url))
	return w
}

// do runs actions, and fails the test if they do not end in time.
func (w *window) do(actions ...chromedp.Action[chromedp.Void]) {
	w.th.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		w.fail(err)
	}
}

// within bounds what must come.
func (w *window) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(w.th.t.Context(), patience)
}

// fail ends the test and shows what the window shows.
func (w *window) fail(err error) {
	w.th.t.Helper()
	text, _ := chromedp.Run(w.ctx, chromedp.Evaluate[string](`location.href + '\n' + document.body.innerText`))
	w.th.t.Fatalf("%v; the window shows\n%s", err, text)
}

// js evaluates a JavaScript expression. What it returns is left out.
func (w *window) js(expression string) {
	w.th.t.Helper()
	w.do(chromedp.Evaluate[chromedp.Void](expression + "; undefined"))
}

// waitFor waits until a JavaScript expression is true. The page's policy forbids eval, so the page
// cannot wait by itself.
func (w *window) waitFor(expression string) {
	w.th.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	for {
		// While a page is loading, there may be nothing to evaluate in.
		is, _ := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if is {
			return
		}
		if ctx.Err() != nil {
			w.fail(fmt.Errorf("%w: %s", ctx.Err(), expression))
		}
		select {
		case <-time.After(40 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// is evaluates a JavaScript condition once.
func (w *window) is(expression string) bool {
	w.th.t.Helper()
	is, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
	if err != nil {
		w.fail(err)
	}
	return is
}

// keys presses keys, as a person without a mouse does.
func (w *window) keys(keys ...string) {
	w.th.t.Helper()
	w.do(chromedp.KeyEvent(strings.Join(keys, "")))
}

// tabTo presses Tab or Shift and Tab until the element of a JavaScript expression has the focus.
func (w *window) tabTo(find string) {
	w.th.t.Helper()
	w.waitFor(find)
	for range 300 {
		way, err := chromedp.Run(w.ctx, chromedp.Evaluate[int](`(() => {
			const to = `+find+`, at = document.activeElement
			if (!to || to === at) return 0
			return at.compareDocumentPosition(to) & Node.DOCUMENT_POSITION_FOLLOWING ? 1 : -1 })()`))
		if err != nil {
			w.fail(err)
		}
		switch way {
		case 0:
			return
		case 1:
			w.do(chromedp.KeyEvent(kb.Tab))
		default:
			w.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
		}
	}
	w.fail(errors.New("Tab does not reach " + find))
}

// sees waits until an element contains a text.
func (w *window) sees(selector, text string) {
	w.th.t.Helper()
	w.waitFor(fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.innerText.includes(%q))`, selector, text))
}

// press waits for a button or link with a text and clicks it as a mouse does: it
// takes the focus first.
func (w *window) press(scope, text string) {
	w.th.t.Helper()
	find := fmt.Sprintf(`[...document.querySelectorAll(%q)].filter(b => b.innerText.trim().startsWith(%q)).pop()`,
		scope+" button, "+scope+" a", text)
	w.waitFor("!!" + find)
	w.js(find + ".focus()")
	w.js(find + ".click()")
}

// fill types into the input with a label.
func (w *window) fill(label, text string) {
	w.th.t.Helper()
	find := fmt.Sprintf(
		`[...document.querySelectorAll('dialog label.label')].find(l => l.innerText.startsWith(%q))?.control`, label)
	w.waitFor("!!" + find)
	w.js(find + ".focus()")
	w.js(find + ".select?.()")
	w.do(chromedp.KeyEvent(text))
}

// choose presses a radio button or checkbox by its text.
func (w *window) choose(text string) {
	w.th.t.Helper()
	find := fmt.Sprintf(
		`[...document.querySelectorAll('dialog label.choice')].find(l => l.innerText.startsWith(%q))`, text)
	w.waitFor("!!" + find)
	w.js(find + ".click()")
}

const (
	wide, high        = 1280, 800
	narrow, phoneHigh = 390, 844
)

// flaky is a listener whose connections a test can cut, as a restart of the server would.
type flaky struct {
	net.Listener
	mu   sync.Mutex
	open []net.Conn
	off  bool
}

func (f *flaky) Accept() (net.Conn, error) {
	conn, err := f.Listener.Accept()
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.off {
		_ = conn.Close()
	}
	f.open = append(f.open, conn)
	return conn, nil
}

// cut closes all connections, and new ones at once, until it is called with false.
func (f *flaky) cut(off bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.off = off
	for _, conn := range f.open {
		_ = conn.Close()
	}
	f.open = nil
}
