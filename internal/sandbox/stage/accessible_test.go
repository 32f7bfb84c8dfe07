package stage_test

import (
	"os"
	"strings"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe is axe-core, which finds what people with a screen reader or a keyboard would stumble over.
// The Makefile fetches it.
const axe = "../../../.build/axe-core/package/axe.min.js"

// serious runs axe-core, and returns what it finds serious or critical: one line per rule.
const serious = `axe.run(document, {resultTypes: ['violations'], iframes: false}).then(found => found.violations
	.filter(v => v.impact === 'serious' || v.impact === 'critical')
	.map(v => v.id + ' (' + v.help + '): ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')).join('\n'))`

// accessible fails the test if axe-core finds something serious in what the window shows.
func (w *window) accessible() {
	w.th.t.Helper()
	script, err := os.ReadFile(axe)
	if err != nil {
		w.th.t.Fatal(err)
	}
	known, err := chromedp.Run(w.ctx, chromedp.Evaluate[bool]("'axe' in window"))
	if err == nil && !known {
		w.js(string(script))
	}
	if err != nil {
		w.fail(err)
	}
	found, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](serious, awaitPromise))
	if err != nil {
		w.fail(err)
	}
	for line := range strings.Lines(found) {
		w.th.t.Errorf("axe-core: %s", line)
	}
}

// awaitPromise makes an evaluation wait for the promise that it returns.
func awaitPromise(p *runtime.EvaluateParams) {
	wait := true
	p.AwaitPromise = &wait
}
