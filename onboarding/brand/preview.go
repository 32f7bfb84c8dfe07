package brand

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"image"
	"image/png"
	"strings"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"

	"github.com/atlilith/onboardbot/internal/canvas"
)

// Sizes of the preview in pixels. A phone shows it at about half of its width.
const (
	previewWidth  = 800
	previewHeight = 620
	heroHeight    = 350
	margin        = 36
	logoWidth     = 250
)

// Colours of what the preview itself says.
const (
	white = Color("#ffffff")
	black = Color("#000000")
	ink   = Color("#1d1c1d")
	grey  = Color("#5f5e60")
	red   = Color("#c01343")
	rule  = Color("#d9d9dc")
)

// preview is a picture that is being drawn.
type preview struct{ canvas *canvas.Canvas }

// Preview draws, as a PNG, the palette with its contrasts, and the logo and some copy on the
// background. It accepts what Check refuses too, and shows why.
func Preview(ctx context.Context, b Brand) ([]byte, error) {
	p := preview{canvas.New(previewWidth, previewHeight, white)}
	p.hero(ctx, b)
	for i, s := range b.Palette.swatches() {
		p.swatch(image.Pt(margin+i%2*(previewWidth/2-margin/2), heroHeight+24+i/2*120), s, b.Palette.Background)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, p.canvas.Image); err != nil {
		return nil, fmt.Errorf("brand: preview: %w", err)
	}
	return out.Bytes(), nil
}

// hero draws how the top of the site may look.
func (p preview) hero(ctx context.Context, b Brand) {
	colors := b.Palette
	p.canvas.Fill(image.Rect(0, 0, previewWidth, heroHeight), colors.Background)
	p.canvas.Fill(image.Rect(0, heroHeight-1, previewWidth, heroHeight), rule)
	left := margin
	if b.Logo != nil {
		box := image.Rect(margin, margin, margin+logoWidth, heroHeight-margin)
		p.logo(ctx, *b.Logo, box, colors.Text)
		left = box.Max.X + margin
	}
	y := p.paragraph(image.Pt(left, margin+40), canvas.Label{Text: b.Name, Face: canvas.Bold(44), Ink: colors.Text},
		50, 2)
	sample := strings.Join(strings.Fields(b.Copy), " ")
	sample = cmp.Or(sample, "This is how text reads on the background.")
	const lineHeight = 36
	room := (heroHeight-margin-84-(y-4))/lineHeight + 1
	p.paragraph(image.Pt(left, y-4), canvas.Label{Text: sample, Face: canvas.Regular(28), Ink: colors.Text},
		lineHeight, room)

	button := image.Rect(left, heroHeight-margin-60, left+180, heroHeight-margin)
	p.canvas.Fill(button, colors.Primary)
	label := white
	if Contrast(black, colors.Primary) > Contrast(white, colors.Primary) {
		label = black
	}
	p.canvas.WriteCentered(button, canvas.Label{Text: "Primary", Face: canvas.Bold(28), Ink: label})
	link := image.Pt(button.Max.X+28, button.Min.Y+40)
	end := p.canvas.Write(link, canvas.Label{Text: "Accent", Face: canvas.Bold(28), Ink: colors.Accent})
	p.canvas.Fill(image.Rect(link.X, link.Y+5, end, link.Y+8), colors.Accent)
}

// paragraph writes text from a first baseline to the right margin, in at most so many lines, and
// returns the next baseline.
func (p preview) paragraph(at image.Point, l canvas.Label, lineHeight, lines int) int {
	for _, line := range canvas.Wrap(l.Face, shortenTo(l.Text, 600), previewWidth-at.X-margin, lines) {
		p.canvas.Write(at, canvas.Label{Text: line, Face: l.Face, Ink: l.Ink})
		at.Y += lineHeight
	}
	return at.Y
}

// logo draws the picture in its box, or says that it cannot be shown.
func (p preview) logo(ctx context.Context, l Logo, box image.Rectangle, text Color) {
	drawn, err := l.fitted(ctx, box.Size())
	if err != nil {
		p.frame(box, text)
		caption := strings.ToUpper(string(l.Type)) + " logo, not shown here"
		p.canvas.WriteCentered(box, canvas.Label{Text: caption, Face: canvas.Regular(20), Ink: text})
		return
	}
	size := drawn.Bounds().Size()
	at := box.Min.Add(image.Pt((box.Dx()-size.X)/2, (box.Dy()-size.Y)/2))
	draw.Draw(p.canvas.Image, drawn.Bounds().Add(at), drawn, image.Point{}, draw.Over)
}

// swatch shows one colour, what it is for, and its contrast.
func (p preview) swatch(at image.Point, s swatch, background Color) {
	square := image.Rectangle{Min: at, Max: at.Add(image.Pt(100, 100))}
	p.canvas.Fill(square, s.color)
	p.frame(square, rule)
	write := func(y int, face font.Face, text string, c Color) {
		p.canvas.Write(image.Pt(square.Max.X+20, at.Y+y), canvas.Label{Text: text, Face: face, Ink: c})
	}
	write(26, canvas.Bold(30), strings.ToUpper(string(s.field[:1]))+string(s.field[1:]), ink)
	write(60, canvas.Mono(28), string(s.color), ink)
	switch contrast := Contrast(s.color, background); {
	case s.needs == 0:
	case contrast < s.needs:
		write(94, canvas.Bold(26), fmt.Sprintf("%s, needs %s", ratio(contrast), ratio(s.needs)), red)
	default:
		write(94, canvas.Regular(26), "contrast "+ratio(contrast), grey)
	}
}

// frame draws a line along the inside of a rectangle's edges.
func (p preview) frame(r image.Rectangle, c Color) {
	for _, side := range []image.Rectangle{
		{Min: r.Min, Max: image.Pt(r.Max.X, r.Min.Y+2)}, {Min: image.Pt(r.Min.X, r.Max.Y-2), Max: r.Max},
		{Min: r.Min, Max: image.Pt(r.Min.X+2, r.Max.Y)}, {Min: image.Pt(r.Max.X-2, r.Min.Y), Max: r.Max},
	} {
		p.canvas.Fill(side, c)
	}
}
