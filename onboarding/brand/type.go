package brand

import (
	"image"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// page is a picture that can be written on.
type page struct{ *image.RGBA }

// The fonts that come with the binary. They know the Latin, Greek and Cyrillic scripts; other characters show as boxes.
var (
	regularFont = sync.OnceValue(func() *opentype.Font { return parse(goregular.TTF) })
	boldFont    = sync.OnceValue(func() *opentype.Font { return parse(gobold.TTF) })
	monoFont    = sync.OnceValue(func() *opentype.Font { return parse(gomono.TTF) })
)

func regular(size float64) font.Face { return face(regularFont(), size) }
func bold(size float64) font.Face    { return face(boldFont(), size) }
func mono(size float64) font.Face    { return face(monoFont(), size) }

func parse(ttf []byte) *opentype.Font {
	parsed, err := opentype.Parse(ttf)
	if err != nil {
		panic(err) // it is part of the binary
	}
	return parsed
}

// face is a font at a size in pixels. A face must not be shared between goroutines, so each is made anew.
func face(f *opentype.Font, size float64) font.Face {
	made, err := opentype.NewFace(f, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err) // it never fails: the options are constants
	}
	return made
}

// write puts a line at the left end of its base line, and returns where it ends.
func (p *page) write(f font.Face, at image.Point, c Color, text string) int {
	drawer := font.Drawer{Dst: p.RGBA, Src: c.uniform(), Face: f, Dot: fixed.P(at.X, at.Y)}
	drawer.DrawString(text)
	return drawer.Dot.X.Ceil()
}

// center puts a line into the middle of a box.
func (p *page) center(f font.Face, box image.Rectangle, c Color, text string) {
	width := font.MeasureString(f, text).Ceil()
	p.write(f, image.Pt(box.Min.X+(box.Dx()-width)/2, box.Min.Y+(box.Dy()+f.Metrics().CapHeight.Ceil())/2), c, text)
}

// wrap breaks text into at most so many lines of a width in pixels; what is left ends with an ellipsis.
func wrap(f font.Face, text string, width, lines int) []string {
	var wrapped []string
	line := ""
	words := strings.Fields(shortenTo(text, 600))
	for i, word := range words {
		longer := strings.TrimSpace(line + " " + word)
		if font.MeasureString(f, longer).Ceil() <= width {
			line = longer
			continue
		}
		if len(wrapped)+1 >= lines || line == "" {
			return append(wrapped, cut(f, strings.TrimSpace(line+" "+strings.Join(words[i:], " ")), width))
		}
		wrapped = append(wrapped, line)
		line = word
	}
	if line != "" {
		line = cut(f, line, width)
		wrapped = append(wrapped, line)
	}
	return wrapped
}

// cut shortens a line to a width in pixels.
func cut(f font.Face, line string, width int) string {
	if font.MeasureString(f, line).Ceil() <= width {
		return line
	}
	for line != "" {
		_, size := utf8.DecodeLastRuneInString(line)
		line = line[:len(line)-size]
		if short := strings.TrimRight(line, " ,.;:") + "…"; font.MeasureString(f, short).Ceil() <= width {
			return short
		}
	}
	return ""
}
