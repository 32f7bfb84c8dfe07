package brand

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseColor(t *testing.T) {
	t.Parallel()
	if _, got := ParseColor("a\u202eb"); !strings.HasPrefix(got, "a\ufffdb is not") {
		t.Errorf("what does not print: %q", got)
	}
	const problem = " is not a colour: give six hexadecimal digits, such as #b0124f."
	for text, want := range map[string][2]string{
		"#B0124F":   {"#b0124f", ""},
		" b0124f ":  {"#b0124f", ""},
		"#abc":      {"#aabbcc", ""},
		"fff":       {"#ffffff", ""},
		"":          {"", problem},
		"#":         {"", "#" + problem},
		"red":       {"", "red" + problem},
		"#12345":    {"", "#12345" + problem},
		"#b0124f80": {"", "#b0124f80" + problem},
		"+12345":    {"", "+12345" + problem},
		"1_2345":    {"", "1_2345" + problem},
		"##abc":     {"", "##abc" + problem},
		"é12":       {"", "é12" + problem},
	} {
		color, said := ParseColor(text)
		if diff := cmp.Diff(want, [2]string{string(color), said}); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

// TestContrast has the values of https://webaim.org/resources/contrastchecker/.
func TestContrast(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b Color
		want string
	}{
		{"#000000", "#ffffff", "21:1"}, {"#ffffff", "#000000", "21:1"}, {"#ffffff", "#ffffff", "1:1"},
		{"#777777", "#ffffff", "4.47:1"}, {"#767676", "#ffffff", "4.54:1"}, {"#0000ff", "#ffffff", "8.59:1"},
		{"#ff0000", "#ffffff", "3.99:1"}, {"#ffff00", "#ffffff", "1.07:1"},
	} {
		if got := ratio(Contrast(test.a, test.b)); got != test.want {
			t.Errorf("%s on %s is %s, want %s", test.a, test.b, got, test.want)
		}
	}
}

// TestNearestPasses checks for random colours that the suggested one has enough contrast and the
// same hue, and that no nearer one has enough.
func TestNearestPasses(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	any := func() Color { return Color(fmt.Sprintf("#%06x", random.IntN(1<<24))) }
	for range 40 {
		color, background := any(), any()
		for _, needs := range []float64{MinTextContrast, MinShapeContrast} {
			got := color.nearest(background, needs)
			if Contrast(got, background) < needs {
				t.Fatalf("%s on %s: %s has %s, needs %s", color, background, got, ratio(Contrast(got, background)),
					ratio(needs))
			}
			if Contrast(color, background) >= needs && got != color {
				t.Fatalf("%s on %s passes, yet %s is suggested", color, background, got)
			}
		}
	}
	for background := 110; background < 125; background++ { // the greys between which neither black nor white is far
		color := Color(fmt.Sprintf("#%02x%02x%02x", background, background, background))
		if got := color.nearest(color, MinTextContrast); Contrast(got, color) < MinTextContrast {
			t.Errorf("on %s: %s", color, got)
		}
	}
}

func TestPaletteCheck(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		palette Palette
		want    map[Field]string
	}{
		{DefaultPalette, map[Field]string{}},
		{Palette{}.Or(DefaultPalette), map[Field]string{}},
		{Palette{"#ffffff", "#999999", "#ffd166", "#00695c"}, map[Field]string{
			FieldText: "Text #999999 on #ffffff has a contrast of 2.84:1, and needs 4.5:1 to be readable. The " +
				"nearest readable colour is #767676.",
			FieldPrimary: "The primary colour #ffd166 on #ffffff has a contrast of 1.44:1, and needs 3:1 to be " +
				"readable. The nearest readable colour is #c48900.",
		}},
		{Palette{"#1a1a2e", "#1a1a2e", "white", "#FFF"}, map[Field]string{
			FieldText: "Text #1a1a2e on #1a1a2e has a contrast of 1:1, and needs 4.5:1 to be readable. The " +
				"nearest readable colour is #7e7eb6.",
			FieldPrimary: "white is not a colour: give six hexadecimal digits, such as #b0124f.",
			FieldAccent:  "Write #ffffff instead of #FFF.",
		}},
	} {
		if diff := cmp.Diff(test.want, test.palette.Check()); diff != "" {
			t.Errorf("%+v: %s", test.palette, diff)
		}
	}
}

func TestParsePalette(t *testing.T) {
	t.Parallel()
	type result struct {
		Palette  Palette
		Problems map[Field]string
	}
	for text, want := range map[string]result{
		"": {Problems: map[Field]string{}},
		"#fff, 111;#B0124F 00695c": {Palette{"#ffffff", "#111111", "#b0124f", "#00695c"},
			map[Field]string{}},
		"#fff,blue": {Palette{Background: "#ffffff"},
			map[Field]string{FieldText: "blue is not a colour: give six hexadecimal digits, such as #b0124f."}},
		"#fff,#fff,#fff,#fff,#fff": {Palette{}, map[Field]string{
			FieldBackground: "A palette has 4 colours: background, text, primary and accent. These are 5."}},
		"#ffffff,#1a1a2e,#b0124f,\u00a0#aaa": {Palette{"#ffffff", "#1a1a2e", "#b0124f", "#aaaaaa"},
			map[Field]string{}},
	} {
		palette, problems := ParsePalette(text)
		if diff := cmp.Diff(want, result{palette, problems}); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
