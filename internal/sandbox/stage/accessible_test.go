package stage_test

import (
	"context"
	"os"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// axe is axe-core, which finds what people with a screen reader or a keyboard would stumble over.
// The Makefile fetches it.
const axe = "../../../.build/axe-core/package/axe.min.js"

// serious runs axe-core, and returns what it finds serious or critical: one line per rule.
const serious = `axe.run(document, {resultTypes: ['violations'], iframes: false}).then(found => found.violations
	.filter(v => v.impact === 'serious' || v.impact === 'critical')
	.map(v => v.id + ' (' + v.help + '): ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | '))
	.join('\n'))`

// accessible fails the test if axe-core finds something serious in what the window shows, light or
// dark.
func (w *window) accessible() {
	w.th.t.Helper()
	script, err := os.ReadFile(axe)
	if err != nil {
		w.th.t.Fatal(err)
	}
	if !w.is("'axe' in window") {
		w.js(string(script))
	}
	for _, scheme := range schemes {
		w.scheme(scheme)
		found, err := chromedp.Run(w.ctx, chromedp.Evaluate[string](serious, awaitPromise))
		if err != nil {
			w.fail(err)
		}
		for line := range strings.Lines(found) {
			w.th.t.Errorf("axe-core, %s: %s", scheme, line)
		}
	}
}

// schemes are the colours that the page has.
var schemes = []string{"dark", "light"}

// scheme shows the window in light or dark colours.
func (w *window) scheme(name string) {
	w.th.t.Helper()
	w.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	}))
}

// awaitPromise makes an evaluation wait for the promise that it returns.
func awaitPromise(p *runtime.EvaluateParams) {
	wait := true
	p.AwaitPromise = &wait
}
