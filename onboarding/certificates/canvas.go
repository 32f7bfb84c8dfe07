package certificates

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// canvas is a picture with the few things that a timeline draws.
type canvas struct {
	image                *image.RGBA
	bold, regular, small font.Face
	glyphs               *opentype.Font // of bold
}

func newCanvas(width, height int, ground color.RGBA) (*canvas, error) {
	c := &canvas{image: image.NewRGBA(image.Rect(0, 0, width, height))}
	c.fill(c.image.Bounds(), ground)
	for _, face := range []struct {
		into *font.Face
		file []byte
		size float64
	}{{&c.bold, gobold.TTF, 32}, {&c.regular, goregular.TTF, 30}, {&c.small, goregular.TTF, 26}} {
		parsed, err := opentype.Parse(face.file)
		if err != nil {
			return nil, err
		}
		if face.into == &c.bold {
			c.glyphs = parsed
		}
		if *face.into, err = opentype.NewFace(parsed, &opentype.FaceOptions{Size: face.size, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (c *canvas) fill(area image.Rectangle, colour color.RGBA) {
	draw.Draw(c.image, area, image.NewUniform(colour), image.Point{}, draw.Src)
}

// text writes with its baseline at y.
func (c *canvas) text(x, y int, text string, face font.Face, colour color.RGBA) {
	drawer := font.Drawer{Dst: c.image, Src: image.NewUniform(colour), Face: face, Dot: fixed.P(x, y)}
	drawer.DrawString(text)
}

func (c *canvas) width(text string, face font.Face) int {
	return font.MeasureString(face, text).Ceil()
}

// legible is a name as people read it where there are letters for that, which there are for Latin, Greek and Cyrillic scripts alone;
// else in ASCII.
func (c *canvas) legible(name string) string {
	shown := probe.Unicode(name)
	for _, r := range shown {
		if glyph, err := c.glyphs.GlyphIndex(nil, r); err != nil || glyph == 0 {
			return name
		}
	}
	return shown
}

// shorten cuts text in the middle so that it fits: of a domain, both ends tell.
func (c *canvas) shorten(text string, face font.Face, room int) string {
	runes := []rune(text)
	for keep := len(runes); c.width(text, face) > room && keep > 2; keep-- {
		text = string(runes[:(keep+1)/2]) + "…" + string(runes[len(runes)-keep/2:])
	}
	return text
}
