package brand

import (
	"bytes"
	"context"
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
	content, err := Preview(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := png.Decode(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return drawn
}

// at is the colour of a pixel.
func at(drawn image.Image, x, y int) Color {
	c := color.NRGBAModel.Convert(drawn.At(x, y)).(color.NRGBA)
	return Color(fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B))
}

// TestPreviewShowsColorsAndLogo looks at the middle of each swatch, of the background, the button
// and the logo.
func TestPreviewShowsColorsAndLogo(t *testing.T) {
	t.Parallel()
	palette := Palette{"#1a1a2e", "#eeeeee", "#ffd166", "#777777"}
	logos := map[string][]byte{
		"png": pngOf(t, whitePixels(80, 80)),
		"svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-5 -5 10 10" fill="none">` +
			`<g fill="#ffffff"><rect x="-5" y="-5" width="10" height="10"/></g></svg>`),
	}
	for name, content := range logos {
		logo, problem := CheckLogo(context.Background(), name, content)
		if problem != "" {
			t.Fatal(problem)
		}
		drawn := picture(t, Brand{Name: "Merche", Copy: "Hello", Palette: palette, Logo: &logo})
		got := []Color{at(drawn, 2, 2), at(drawn, 86, 424), at(drawn, 468, 424), at(drawn, 86, 544),
			at(drawn, 468, 544), at(drawn, 328, 260), at(drawn, 160, 175)}
		want := []Color{palette.Background, palette.Background, palette.Text, palette.Primary, palette.Accent,
			palette.Primary, "#ffffff"}
		if diff := cmp.Diff(want, got); diff != "" || drawn.Bounds() != image.Rect(0, 0, previewWidth, previewHeight) {
			t.Errorf("%s: %v %s", name, drawn.Bounds(), diff)
		}
	}
}

// TestPreviewOfAnything draws brands that were not checked, and texts of every length.
func TestPreviewOfAnything(t *testing.T) {
	t.Parallel()
	for _, brand := range []Brand{
		{},
		{Name: strings.Repeat("W", 80), Copy: strings.Repeat("word ", 600)},
		{Name: "ברוך הבא 👩🏽‍🎤", Copy: strings.Repeat("x", MaxCopy), Palette: Palette{"red", "", "#zzzzzz", "#fff"}},
		{Logo: &Logo{Type: PNG, Content: []byte("no")}},
		{Logo: &Logo{Type: "svg", Content: []byte("<svg/>")}},
	} {
		picture(t, brand)
	}
}
