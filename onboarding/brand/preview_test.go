package brand

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func picture(t *testing.T, b Brand) image.Image {
	t.Helper()
	content, err := Preview(b)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return drawn
}

// at is the colour of a place.
func at(drawn image.Image, x, y int) Color {
	c := color.NRGBAModel.Convert(drawn.At(x, y)).(color.NRGBA)
	return Color(fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B))
}

// TestPreviewShowsColorsAndLogo looks at the middle of each swatch, of the background, the button and the logo.
func TestPreviewShowsColorsAndLogo(t *testing.T) {
	t.Parallel()
	palette := Palette{"#1a1a2e", "#eeeeee", "#ffd166", "#777777"}
	logos := map[string][]byte{
		"png": pngOf(t, white(80, 80)),
		"svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-5 -5 10 10" fill="none"><g fill="#ffffff"><rect x="-5" y="-5" width="10" height="10"/></g></svg>`),
	}
	for name, content := range logos {
		logo, problem := CheckLogo(name, content)
		if problem != "" {
			t.Fatal(problem)
		}
		drawn := picture(t, Brand{Name: "Merche", Copy: "Hello", Palette: palette, Logo: &logo})
		got := []Color{at(drawn, 2, 2), at(drawn, 86, 424), at(drawn, 468, 424), at(drawn, 86, 544), at(drawn, 468, 544), at(drawn, 328, 260), at(drawn, 160, 175)}
		want := []Color{palette.Background, palette.Background, palette.Text, palette.Primary, palette.Accent, palette.Primary, "#ffffff"}
		if diff := cmp.Diff(want, got); diff != "" || drawn.Bounds() != image.Rect(0, 0, previewWidth, previewHeight) {
			t.Errorf("%s: %v %s", name, drawn.Bounds(), diff)
		}
	}
}

// TestPreviewOfAnything draws what no check has seen, and text of every length.
func TestPreviewOfAnything(t *testing.T) {
	t.Parallel()
	for _, brand := range []Brand{
		{},
		{Name: strings.Repeat("W", 80), Copy: strings.Repeat("word ", 600)},
		{Name: "ברוך הבא 👩🏽‍🎤", Copy: strings.Repeat("x", MaxCopy), Palette: Palette{"red", "", "#zzzzzz", "#fff"}},
		{Logo: &Logo{Type: PNG, Content: []byte("no")}},
		{Logo: &Logo{Type: SVG, Content: []byte("no")}},
	} {
		picture(t, brand)
	}
}

// TestRasterKnowsBothRules draws two squares inside each other, the same way round: a hole by one rule and none by the other.
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
	for x, want := range map[int]color.Color{45: color.RGBA{R: 0xff, A: 0xff}, 10: color.RGBA{R: 0xff, A: 0xff}, 3: color.RGBA{}} {
		if got := drawn.At(x, 45); got != want {
			t.Errorf("at %d: %v", x, got)
		}
	}
}

func svg(t *testing.T, inside string) image.Image {
	t.Helper()
	drawn, exact, err := parseLogo(t, inside).picture(image.Pt(90, 90))
	if err != nil || !exact {
		t.Fatal(exact, err)
	}
	return drawn
}

func parseLogo(t *testing.T, inside string) Logo {
	t.Helper()
	logo, problem := CheckLogo("logo.svg", []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">`+inside+`</svg>`))
	if problem != "" {
		t.Fatal(problem)
	}
	return logo
}

// TestRasterGivesUp asks for more than is worth drawing, in every way that was thought of; each ends soon.
func TestRasterGivesUp(t *testing.T) {
	t.Parallel()
	for name, inside := range map[string]string{
		"far away":       `<path d="M0 0L1e30 1e30L-1e30 5z"/>`,
		"zigzag":         `<path d="M0 0` + strings.Repeat("V-9e5V9e5h.1", 10_000) + `z"/>`,
		"scaled up":      strings.Repeat(`<g transform="scale(1e6)">`, 40) + `<circle r="1e6" stroke="#000"/>` + strings.Repeat(`</g>`, 40),
		"many shapes":    strings.Repeat(`<rect width="9" height="9"/>`, 9000),
		"curves":         `<path d="M0 0` + strings.Repeat("C9e8 9e8-9e8 9e8 0 0", 10_000) + `"/>`,
		"dashes":         `<path stroke="#000" stroke-dasharray="1e-9" d="M0 0H1e9"/>`,
		"long dashes":    `<path stroke="#000" stroke-dasharray="1" d="M0 0H1e9"/>`,
		"broad stroke":   `<path stroke="#000" stroke-width="1e9" stroke-linejoin="round" d="M0 0` + strings.Repeat("l1 1l-1 1", 10_000) + `"/>`,
		"not a number":   `<path d="MNaN NaNLInf Inf"/><rect width="NaN" height="Inf"/>`,
		"not a colour":   `<rect fill="rgb(" width="9" height="9"/>`,
		"no colour":      `<rect fill="hsl(1,,)" width="9" height="9"/>`,
		"broken path":    `<path d="M0 0A1 1 0 7 7 7"/>`,
		"bad gradient":   `<stop offset="1"/><radialGradient id="g" r="0"/><rect fill="url(#g)" width="9" height="9"/>`,
		"bad transform":  `<g transform="matrix(1)"><rect width="9" height="9"/></g>`,
		"closed too far": `<path d="ZZZZ"/>`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, _ = parseLogo(t, inside).picture(image.Pt(250, 278)) // drawn or not, it ends
		})
	}
}

func TestRasterSaysWhatItLeavesOut(t *testing.T) {
	t.Parallel()
	for inside, want := range map[string]bool{
		`<rect width="9" height="9"/>`:                                                 true,
		`<title>x</title><text y="9">Merche</text>`:                                    false,
		`<clipPath id="c"><rect width="1"/></clipPath><g clip-path="url(#c)"><g/></g>`: false,
	} {
		if _, exact, err := parseLogo(t, inside).picture(image.Pt(20, 20)); exact != want || err != nil {
			t.Errorf("%s: exact %v, %v", inside, exact, err)
		}
	}
}
