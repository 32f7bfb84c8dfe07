package brand

import (
	"context"
	"image"
	"image/color"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRasterKnowsBothRules draws two squares inside each other, in the same direction: the inner
// one is a hole by one rule, and not by the other.
func TestRasterKnowsBothRules(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]color.Color{"evenodd": color.RGBA{}, "nonzero": color.RGBA{A: 0xff}} {
		drawn := svg(t, `<path fill-rule="`+rule+`" d="M0 0h9v9h-9zM3 3h3v3h-3z"/>`)
		if got := drawn.At(45, 45); got != want {
			t.Errorf("%s: %v in the middle", rule, got)
		}
		if got := drawn.At(10, 10); got != (color.RGBA{A: 0xff}) {
			t.Errorf("%s: %v at the edge", rule, got)
		}
	}
}

// TestRasterStrokes draws a thick line whose outline is made of parts.
func TestRasterStrokes(t *testing.T) {
	t.Parallel()
	drawn := svg(t, `<path fill="none" stroke="#ff0000" stroke-width="3" stroke-linecap="round" d="M2 4.5h5"/>`)
	for x, want := range map[int]color.Color{45: color.RGBA{R: 0xff, A: 0xff}, 10: color.RGBA{R: 0xff, A: 0xff},
		3: color.RGBA{}} {
		if got := drawn.At(x, 45); got != want {
			t.Errorf("at %d: %v", x, got)
		}
	}
}

func svg(t *testing.T, inside string) image.Image {
	t.Helper()
	drawing, problem := readSVG(document(inside))
	if problem != "" {
		t.Fatal(problem)
	}
	drawn, err := drawing.draw(context.Background(), image.Pt(90, 90))
	if err != nil {
		t.Fatal(err)
	}
	return drawn
}

func document(inside string) []byte {
	return []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">` + inside + `</svg>`)
}

// TestRasterGivesUp draws what would take very long without limits, or is broken. Each case ends
// soon.
func TestRasterGivesUp(t *testing.T) {
	t.Parallel()
	for name, inside := range map[string]string{
		"far away": `<path d="M0 0L1e30 1e30L-1e30 5z"/>`,
		"zigzag":   `<path d="M0 0` + strings.Repeat("V-9e5V9e5h.1", 10_000) + `z"/>`,
		"scaled up": strings.Repeat(`<g transform="scale(1e6)">`, 40) + `<circle r="1e6" stroke="#000"/>` +
			strings.Repeat(`</g>`, 40),
		"many shapes": strings.Repeat(`<rect width="9" height="9"/>`, 9000),
		"curves":      `<path d="M0 0` + strings.Repeat("C9e8 9e8-9e8 9e8 0 0", 10_000) + `"/>`,
		"dashes":      `<path stroke="#000" stroke-dasharray="1e-9" d="M0 0H1e9"/>`,
		"long dashes": `<path stroke="#000" stroke-dasharray="1" d="M0 0H1e9"/>`,
		"broad stroke": `<path stroke="#000" stroke-width="1e9" stroke-linejoin="round" d="M0 0` +
			strings.Repeat("l1 1l-1 1", 10_000) + `"/>`,
		"not a number":   `<path d="MNaN NaNLInf Inf"/><rect width="NaN" height="Inf"/>`,
		"not a colour":   `<rect fill="rgb(" width="9" height="9"/>`,
		"no colour":      `<rect fill="hsl(1,,)" width="9" height="9"/>`,
		"broken path":    `<path d="M0 0A1 1 0 7 7 7"/>`,
		"bad gradient":   `<stop offset="1"/><radialGradient id="g" r="0"/><circle fill="url(#g)" r="9"/>`,
		"bad transform":  `<g transform="matrix(1)"><rect width="9" height="9"/></g>`,
		"closed too far": `<path d="ZZZZ"/>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, _ = CheckLogo(context.Background(), "logo.svg", document(inside)) // drawn or not, it ends
			t.Log(time.Since(began))
		})
	}
}

func TestWhatCannotBeDrawnIsRefused(t *testing.T) {
	t.Parallel()
	long := `<defs><path id="a" d="M0 0` + strings.Repeat("h1", 1<<19) + `"/></defs>`
	const square = `<rect width="9" height="9"/>`
	for _, test := range []struct{ inside, want string }{
		{square, ""},
		{`<title>x</title><desc>y</desc><metadata><x/></metadata>`, ""},
		{`<clipPath id="c"><rect width="1"/></clipPath><g clip-path="url(#c)">` + square + `</g>`, ""},
		{`<title>x</title><text y="9">Merche</text>`,
			"the bot cannot draw <text>; convert everything to paths and export it again."},
		{`<g mask="url(#m)"/>`, "the bot cannot draw a mask; flatten it and export it again."},
		{`<style>.a{mask:url(#m)}</style>`, "the bot cannot draw a mask; flatten it and export it again."},
		{`<g style="fill:red; -webkit-mask-image : url(x)"/>`,
			"the bot cannot draw a mask; flatten it and export it again."},
		{`<style>.a{m\61sk:url(#m)}</style>`, "its styles have escapes or imports; export it as plain SVG."},
		{`<style>.a{filter:none}</style>` + square, ""},
		{`<defs><path id="a" d="M0 0h9v9z"/><g id="b"><use href="#a"/></g></defs>`,
			"its parts use each other; convert everything to paths and export it again."},
		{long + strings.Repeat(`<use href="#a"/>`, 20), "it uses its parts too often; simplify it."},
	} {
		if _, problem := readSVG(document(test.inside)); problem != test.want {
			t.Errorf("%.60s: %q, want %q", test.inside, problem, test.want)
		}
	}
}

// TestLongLogosHaveTheSidesThatALogoNeeds draws logos that are many times as long as wide.
func TestLongLogosHaveTheSidesThatALogoNeeds(t *testing.T) {
	t.Parallel()
	for box, want := range map[string]image.Point{"0 0 30 10": {512, 171}, "0 0 10 200": {64, 1280},
		"0 0 100 5": {1280, 64}} {
		logo, problem := CheckLogo(context.Background(), "logo.svg",
			[]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="`+box+`"><rect width="9" height="9"/></svg>`))
		if got := image.Pt(logo.Width, logo.Height); problem != "" || got != want {
			t.Errorf("%s: %v, %s; want %v", box, got, problem, want)
		}
		again, problem := CheckLogo(context.Background(), "logo.png", logo.Content)
		if problem != "" || cmp.Diff(logo, again) != "" {
			t.Errorf("%s is not accepted again: %s", box, problem)
		}
	}
}
