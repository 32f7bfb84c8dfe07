package brand

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"golang.org/x/image/draw"
)

// Size of the preview in pixels, of which a phone shows about every second.
const (
	previewWidth  = 800
	previewHeight = 620
	heroHeight    = 350
	margin        = 36
)

const (
	ink  = Color("#1d1c1d") // of what the preview says itself
	grey = Color("#5f5e60")
	red  = Color("#c01343")
	rule = Color("#d9d9dc")
)

// Preview draws the palette with its contrasts, and the logo and some copy on the background, as PNG. It takes what Check refuses too,
// and shows why.
func Preview(b Brand) ([]byte, error) {
	p := &page{RGBA: image.NewRGBA(image.Rect(0, 0, previewWidth, previewHeight))}
	p.fill(p.Rect, "#ffffff")
	p.hero(b)
	swatches := b.Palette.swatches()
	for i, s := range swatches {
		p.swatch(image.Pt(margin+i%2*(previewWidth/2-margin/2), heroHeight+24+i/2*120), s, b.Palette.Background)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p.RGBA); err != nil {
		return nil, fmt.Errorf("brand: preview: %w", err)
	}
	return out.Bytes(), nil
}

// hero is how the head of the site may look.
func (p *page) hero(b Brand) {
	colors := b.Palette
	p.fill(image.Rect(0, 0, previewWidth, heroHeight), colors.Background)
	p.fill(image.Rect(0, heroHeight-1, previewWidth, heroHeight), rule)
	left := margin
	if b.Logo != nil {
		box := image.Rect(margin, margin, margin+250, heroHeight-margin)
		p.logo(*b.Logo, box, colors.Text)
		left = box.Max.X + margin
	}
	width := previewWidth - left - margin
	y := margin + 40
	for _, line := range wrap(bold(44), b.Name, width, 2) {
		p.write(bold(44), image.Pt(left, y), colors.Text, line)
		y += 50
	}
	sample := strings.Join(strings.Fields(b.Copy), " ")
	if sample == "" {
		sample = "This is how text reads on the background."
	}
	y -= 4
	for _, line := range wrap(regular(28), sample, width, (heroHeight-margin-84-y)/36+1) {
		p.write(regular(28), image.Pt(left, y), colors.Text, line)
		y += 36
	}
	button := image.Rect(left, heroHeight-margin-60, left+180, heroHeight-margin)
	p.fill(button, colors.Primary)
	label := Color("#ffffff")
	if Contrast("#000000", colors.Primary) > Contrast(label, colors.Primary) {
		label = "#000000"
	}
	p.center(bold(28), button, label, "Primary")
	link := image.Pt(button.Max.X+28, button.Min.Y+40)
	end := p.write(bold(28), link, colors.Accent, "Accent")
	p.fill(image.Rect(link.X, link.Y+5, end, link.Y+8), colors.Accent)
}

// logo draws the picture in its box, or says that it cannot be shown here.
func (p *page) logo(l Logo, box image.Rectangle, text Color) {
	caption := ""
	drawn, exact, err := l.picture(box.Size())
	switch {
	case err != nil:
		p.frame(box, text)
		caption = strings.ToUpper(string(l.Type)) + " logo, not shown here"
	default:
		if !exact {
			caption = "Parts of the SVG do not show here"
			drawn, _, _ = l.picture(box.Size().Sub(image.Pt(0, 70))) // it was drawn once already
		}
		at := box.Min.Add(image.Pt((box.Dx()-drawn.Bounds().Dx())/2, 0))
		if exact {
			at.Y += (box.Dy() - drawn.Bounds().Dy()) / 2
		}
		draw.Draw(p.RGBA, drawn.Bounds().Add(at), drawn, image.Point{}, draw.Over)
	}
	lines := wrap(regular(24), caption, box.Dx()-8, 3)
	for i, line := range lines {
		p.write(regular(24), image.Pt(box.Min.X+4, box.Max.Y-8-(len(lines)-1-i)*28), text, line)
	}
}

// swatch shows one colour, what it is for and how it stands out.
func (p *page) swatch(at image.Point, s swatch, background Color) {
	square := image.Rectangle{Min: at, Max: at.Add(image.Pt(100, 100))}
	p.fill(square, s.color)
	p.frame(square, rule)
	left := square.Max.X + 20
	name := strings.ToUpper(string(s.field[:1])) + string(s.field[1:])
	p.write(bold(30), image.Pt(left, at.Y+26), ink, name)
	p.write(mono(28), image.Pt(left, at.Y+60), ink, string(s.color))
	switch contrast := Contrast(s.color, background); {
	case s.needs == 0:
	case contrast < s.needs:
		p.write(bold(26), image.Pt(left, at.Y+94), red, fmt.Sprintf("%s, needs %s", ratio(contrast), ratio(s.needs)))
	default:
		p.write(regular(26), image.Pt(left, at.Y+94), grey, "contrast "+ratio(contrast))
	}
}

// frame draws a line around, inside of the edges.
func (p *page) frame(r image.Rectangle, c Color) {
	for _, side := range []image.Rectangle{
		{r.Min, image.Pt(r.Max.X, r.Min.Y+2)}, {image.Pt(r.Min.X, r.Max.Y-2), r.Max},
		{r.Min, image.Pt(r.Min.X+2, r.Max.Y)}, {image.Pt(r.Max.X-2, r.Min.Y), r.Max},
	} {
		p.fill(side, c)
	}
}

func (p *page) fill(r image.Rectangle, c Color) {
	draw.Draw(p.RGBA, r, c.uniform(), image.Point{}, draw.Src)
}

func (c Color) uniform() *image.Uniform {
	rgb := c.rgb()
	return image.NewUniform(color.RGBA{uint8(rgb[0]*255 + 0.5), uint8(rgb[1]*255 + 0.5), uint8(rgb[2]*255 + 0.5), 0xff})
}
