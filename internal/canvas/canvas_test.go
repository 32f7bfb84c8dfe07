package canvas

import (
	"image/color"
	"slices"
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	face := Mono(10) // every letter is six pixels wide
	for text, want := range map[string][]string{
		"":                      nil,
		"  one   two ":          {"one two"},
		"one two three":         {"one two", "three"},
		"one two three four":    {"one two", "three four"},
		"one two three four, 5": {"one two", "three fou…"},
		"incomprehensible":      {"incompreh…"},
		"and incomprehensible":  {"and", "incompreh…"},
	} {
		got := Wrap(face, text, 61, 2)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if got := Wrap(face, "wide", 5, 1); !slices.Equal(got, []string{"…"}) {
		t.Errorf("without room: %q", got)
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	c := New(100, 20, color.White)
	label := Label{Text: "Merche", Face: Bold(12), Ink: color.Black}
	if end := c.Write(c.Image.Rect.Min.Add(c.Image.Rect.Size().Div(4)), label); end != 25+label.Width() {
		t.Errorf("it ends at %d, want %d", end, 25+label.Width())
	}
	if !slices.Contains(c.Image.Pix, 0) {
		t.Error("nothing was written")
	}
}

func TestLegible(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, "bücher": true, "тест": true, "例え": false} {
		if got := Legible(text); got != want {
			t.Errorf("%s: %t", strings.ToUpper(text), got)
		}
	}
}
