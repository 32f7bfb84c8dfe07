// Package canvas draws what the bot's pictures are made of: filled rectangles, and text in the Go
// fonts. The fonts have Latin, Greek and Cyrillic letters; others are drawn as boxes.
package canvas

import (
	"image"
	"image/color"
	"image/draw"
	"sort"
	"strings"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Canvas is a picture that can be drawn on.
type Canvas struct{ Image *image.RGBA }

// New returns a canvas of one colour.
func New(width, height int, ground color.Color) *Canvas {
	c := &Canvas{image.NewRGBA(image.Rect(0, 0, width, height))}
	c.Fill(c.Image.Rect, ground)
	return c
}

// Fill fills a rectangle.
func (c *Canvas) Fill(area image.Rectangle, ink color.Color) {
	draw.Draw(c.Image, area, image.NewUniform(ink), image.Point{}, draw.Src)
}

// Label is a line of text in a face and a colour.
type Label struct {
	Text string
	Face font.Face
	Ink  color.Color
}

// Width is how many pixels wide the label is.
func (l Label) Width() int { return font.MeasureString(l.Face, l.Text).Ceil() }

// Write draws a label from the left end of its baseline and returns where it ends.
func (c *Canvas) Write(at image.Point, l Label) (end int) {
	drawer := font.Drawer{Dst: c.Image, Src: image.NewUniform(l.Ink), Face: l.Face, Dot: fixed.P(at.X, at.Y)}
	drawer.DrawString(l.Text)
	return drawer.Dot.X.Ceil()
}

// WriteCentered draws a label in the middle of a rectangle.
func (c *Canvas) WriteCentered(area image.Rectangle, l Label) {
	height := l.Face.Metrics().CapHeight.Ceil()
	c.Write(area.Min.Add(image.Pt((area.Dx()-l.Width())/2, (area.Dy()+height)/2)), l)
}

// Wrap breaks text into at most so many lines of a width in pixels. It ends with an ellipsis if
// more is left.
func Wrap(face font.Face, text string, width, lines int) []string {
	fits := func(line string) bool { return Label{Text: line, Face: face}.Width() <= width }
	var wrapped []string
	line := ""
	words := strings.Fields(text)
	for i, word := range words {
		longer := strings.TrimSpace(line + " " + word)
		if fits(longer) {
			line = longer
			continue
		}
		if len(wrapped)+1 >= lines || line == "" {
			return append(wrapped, cut(strings.TrimSpace(line+" "+strings.Join(words[i:], " ")), fits))
		}
		wrapped = append(wrapped, line)
		line = word
	}
	if line != "" {
		wrapped = append(wrapped, cut(line, fits))
	}
	return wrapped
}

// cut shortens a line from its end until it fits.
func cut(line string, fits func(string) bool) string {
	if fits(line) {
		return line
	}
	runes := []rune(line)
	short := func(length int) string { return strings.TrimRight(string(runes[:length]), " ,.;:") + "…" }
	tooLong := sort.Search(len(runes), func(length int) bool { return !fits(short(length)) })
	return short(max(0, tooLong-1))
}

// Regular returns a face of a size in pixels. A face must not be shared between goroutines, so
// each call returns a new one. Bold and Mono do the same.
func Regular(size float64) font.Face { return face(regular(), size) }

// Bold is like [Regular].
func Bold(size float64) font.Face { return face(bold(), size) }

// Mono is like [Regular], with letters of the same width.
func Mono(size float64) font.Face { return face(mono(), size) }

var (
	regular = sync.OnceValue(func() *opentype.Font { return parse(goregular.TTF) })
	bold    = sync.OnceValue(func() *opentype.Font { return parse(gobold.TTF) })
	mono    = sync.OnceValue(func() *opentype.Font { return parse(gomono.TTF) })
)

func parse(ttf []byte) *opentype.Font {
	parsed, err := opentype.Parse(ttf)
	if err != nil {
		panic(err) // the font is part of the binary
	}
	return parsed
}

func face(f *opentype.Font, size float64) font.Face {
	made, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // NewFace returns no error for constant options
	}
	return made
}

// Legible reports whether the fonts have every letter of a text.
func Legible(text string) bool {
	for _, r := range text {
		if glyph, err := bold().GlyphIndex(nil, r); err != nil || glyph == 0 {
			return false
		}
	}
	return true
}
