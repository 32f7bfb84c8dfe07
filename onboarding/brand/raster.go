package brand

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"slices"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
	"golang.org/x/image/draw"
)

const (
	// drawnSide is the longest side of the PNG that is drawn from an SVG, in pixels.
	drawnSide = 512
	// maxRatio is how many times as long as wide an SVG may be. The PNG of such a one is longer
	// than drawnSide, since its shorter side has MinLogoSide pixels.
	maxRatio = 20
)

// rasterise draws an SVG as a PNG, or says in a sentence why it cannot.
func (d svgDrawing) rasterise(ctx context.Context) (Logo, string) {
	scale := max(drawnSide/max(d.width, d.height), MinLogoSide/min(d.width, d.height))
	size := image.Pt(max(MinLogoSide, int(d.width*scale+0.5)), max(MinLogoSide, int(d.height*scale+0.5)))
	if decoding.Acquire(ctx, 1) != nil {
		return Logo{}, notInTime
	}
	defer decoding.Release(1)
	drawn, err := d.draw(ctx, size)
	if ctx.Err() != nil {
		return Logo{}, notInTime
	}
	if err != nil {
		return Logo{}, "it is broken, or drawing it takes too long; simplify it and export it again."
	}
	if !slices.ContainsFunc(drawn.Pix, func(component uint8) bool { return component != 0 }) {
		return Logo{}, "the bot finds nothing in it that it can draw; convert everything to paths and export it again."
	}
	var content bytes.Buffer
	if err := png.Encode(&content, drawn); err != nil {
		return Logo{}, "its picture cannot be written as PNG."
	}
	return Logo{Type: PNG, Width: size.X, Height: size.Y, Content: content.Bytes()}, ""
}

// draw draws within the limits of the scanner. A panic of the libraries becomes an error.
func (d svgDrawing) draw(ctx context.Context, size image.Point) (drawn *image.RGBA, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			drawn, err = nil, fmt.Errorf("svg: %v", reason)
		}
	}()
	icon, err := oksvg.ReadIconStream(bytes.NewReader(d.document), oksvg.IgnoreErrorMode)
	if err != nil {
		return nil, fmt.Errorf("svg: %w", err)
	}
	evenOdd := bytes.Contains(d.document, []byte("evenodd"))
	for i := range icon.SVGPaths {
		adapt(&icon.SVGPaths[i], float64(size.X)/icon.ViewBox.W, evenOdd)
	}
	drawn = image.NewRGBA(image.Rectangle{Max: size})
	icon.SetTarget(0, 0, float64(size.X), float64(size.Y))
	icon.Draw(rasterx.NewDasher(size.X, size.Y, newScanner(ctx, drawn)), 1)
	return drawn, nil
}

// adapt sets what oksvg leaves out: it neither reads the fill rule nor scales the width and the
// dashes of a stroke. The rule matters only to shapes that overlap themselves, and files that have
// such shapes use the same rule throughout.
func adapt(path *oksvg.SvgPath, scale float64, evenOdd bool) {
	path.UseNonZeroWinding = !evenOdd
	path.LineWidth *= scale
	path.DashOffset *= scale
	dashes := slices.Clone(path.Dash)
	for i := range dashes {
		if dashes[i] *= scale; !(dashes[i] >= 1) { // nobody would see them, and drawing them might never end
			dashes = nil
			break
		}
	}
	path.Dash = dashes
}

// fitted returns a logo's picture in the largest size within another.
func (l Logo) fitted(ctx context.Context, within image.Point) (image.Image, error) {
	full, err := l.pixels(ctx)
	if err != nil {
		return nil, err
	}
	size := full.Bounds().Size()
	if size.X*within.Y > size.Y*within.X {
		size = image.Pt(within.X, max(1, size.Y*within.X/size.X))
	} else {
		size = image.Pt(max(1, size.X*within.Y/size.Y), within.Y)
	}
	scaled := image.NewRGBA(image.Rectangle{Max: size})
	draw.CatmullRom.Scale(scaled, scaled.Rect, full, full.Bounds(), draw.Src, nil)
	return scaled, nil
}
