package brand

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
)

// Contrasts that WCAG 2.2 AA requires: of text in 1.4.3, and in 1.4.11 of buttons and other things
// that carry meaning.
const (
	MinTextContrast  = 4.5
	MinShapeContrast = 3.0
)

// Palette are the colours of an Org's site.
type Palette struct {
	Background Color `json:"background"`
	Text       Color `json:"text"`
	Primary    Color `json:"primary"` // of buttons
	Accent     Color `json:"accent"`  // of links and ornaments
}

// DefaultPalette is used for Orgs that choose no colours.
var DefaultPalette = Palette{Background: "#ffffff", Text: "#1a1a2e", Primary: "#b0124f", Accent: "#00695c"}

// Or returns the palette with its missing colours taken from another.
func (p Palette) Or(other Palette) Palette {
	return Palette{
		Background: cmp.Or(p.Background, other.Background), Text: cmp.Or(p.Text, other.Text),
		Primary: cmp.Or(p.Primary, other.Primary), Accent: cmp.Or(p.Accent, other.Accent),
	}
}

// swatch is one colour of a palette, and the contrast that it needs on the background.
type swatch struct {
	field Field
	color Color
	needs float64
	what  string
}

// swatches are the colours, background first.
func (p Palette) swatches() []swatch {
	return []swatch{
		{FieldBackground, p.Background, 0, "The background"}, {FieldText, p.Text, MinTextContrast, "Text"},
		{FieldPrimary, p.Primary, MinShapeContrast, "The primary colour"},
		{FieldAccent, p.Accent, MinShapeContrast, "The accent colour"},
	}
}

// ParsePalette parses colours in the order background, text, primary, accent, separated by commas
// or spaces. Later ones may be left out. Each problem is a sentence at its field.
func ParsePalette(text string) (Palette, map[Field]string) {
	var palette Palette
	problems := map[Field]string{}
	list := strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' })
	swatches := palette.swatches()
	if len(list) > len(swatches) {
		problems[FieldBackground] = fmt.Sprintf(
			"A palette has %d colours: background, text, primary and accent. These are %d.", len(swatches), len(list))
		return Palette{}, problems
	}
	targets := []*Color{&palette.Background, &palette.Text, &palette.Primary, &palette.Accent}
	for i, word := range list {
		color, problem := ParseColor(word)
		if problem != "" {
			problems[swatches[i].field] = problem
		}
		*targets[i] = color
	}
	return palette, problems
}

// Check returns a sentence for each field that is not a colour, or has too little contrast on the
// background; then the sentence names the nearest colour that has enough. Without problems the map
// is empty.
func (p Palette) Check() map[Field]string {
	problems := map[Field]string{}
	for _, s := range p.swatches() {
		if color, problem := ParseColor(string(s.color)); problem != "" {
			problems[s.field] = problem
		} else if color != s.color {
			problems[s.field] = fmt.Sprintf("Write %[2]s instead of %[1]s.", s.color, color)
		}
	}
	if problems[FieldBackground] != "" {
		return problems
	}
	for _, s := range p.swatches() {
		contrast := Contrast(s.color, p.Background)
		if problems[s.field] != "" || contrast >= s.needs {
			continue
		}
		problems[s.field] = fmt.Sprintf(
			"%s %s on %s has a contrast of %s, and needs %s to be readable. The nearest readable colour is %s.",
			s.what, s.color, p.Background, ratio(contrast), ratio(s.needs), s.color.nearest(p.Background, s.needs))
	}
	return problems
}
