package brand

import (
	"cmp"
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"slices"

	"github.com/srwiley/rasterx"
	"golang.org/x/image/math/fixed"
)

// Limits of drawing one SVG. Whatever is in it, drawing ends after about a second.
const (
	maxCrossings = 16 << 20 // of outlines with scan lines
	maxPainted   = 16 << 20 // pixels, each as often as it is painted
	maxShapes    = 10_000
)

const (
	sublines   = 4 // scan lines in a row of pixels
	fixedScale = 64
)

// errTooMuch is what a scanner panics with that is asked for more than its limits, since its
// interface returns no errors.
var errTooMuch = errors.New("the picture takes too long to draw")

// scanner fills shapes within limits, and by both fill rules of SVG. The scanner of rasterx has no
// limits and only one of the rules.
type scanner struct {
	ctx       context.Context
	dest      *image.RGBA
	lines     [][]crossing // by scan line
	pen       fixed.Point26_6
	evenOdd   bool
	paint     func(x, y int) color.Color
	extent    fixed.Rectangle26_6
	crossings int
	painted   int
	shapes    int
}

// crossing is where the outline of a shape crosses a scan line: downwards if direction is 1,
// upwards if it is -1.
type crossing struct {
	x         float32
	direction int8
}

var _ rasterx.Scanner = (*scanner)(nil)

func newScanner(ctx context.Context, dest *image.RGBA) *scanner {
	s := &scanner{ctx: ctx, dest: dest, lines: make([][]crossing, dest.Rect.Dy()*sublines)}
	s.Clear()
	return s
}

// Start begins a part of an outline. The parts of a stroke need not be closed: they close each
// other.
func (s *scanner) Start(a fixed.Point26_6) {
	s.pen = a
	s.include(a)
}

// Line goes on with the outline.
func (s *scanner) Line(b fixed.Point26_6) {
	s.include(b)
	s.edge(s.pen, b)
	s.pen = b
}

// edge records where a line crosses the scan lines, which run through the middle of their height.
func (s *scanner) edge(a, b fixed.Point26_6) {
	s.count(1)
	direction := int8(1)
	if a.Y > b.Y {
		a, b, direction = b, a, -1
	}
	x, y := float64(a.X)/fixedScale, float64(a.Y)/fixedScale
	bottom := float64(b.Y) / fixedScale
	if y == bottom {
		return
	}
	slope := (float64(b.X)/fixedScale - x) / (bottom - y)
	first := max(0, int(math.Ceil(y*sublines-0.5)))
	last := min(len(s.lines), int(math.Ceil(bottom*sublines-0.5)))
	s.count(max(0, last-first))
	for i := first; i < last; i++ {
		at := (float64(i) + 0.5) / sublines
		s.lines[i] = append(s.lines[i], crossing{float32(x + (at-y)*slope), direction})
	}
}

func (s *scanner) count(crossings int) {
	if s.crossings += crossings; s.crossings > maxCrossings {
		panic(errTooMuch)
	}
}

// Draw fills the shape and begins a new one.
func (s *scanner) Draw() {
	if s.shapes++; s.shapes > maxShapes || s.ctx.Err() != nil {
		panic(errTooMuch)
	}
	coverage := make([]float32, s.dest.Rect.Dx())
	for y := range s.dest.Rect.Dy() {
		touched := false
		for _, line := range s.lines[y*sublines : (y+1)*sublines] {
			if len(line) > 1 {
				touched = true
				s.cover(line, coverage)
			}
		}
		if touched {
			s.blend(y, coverage)
			clear(coverage)
		}
	}
	s.Clear()
}

// cover adds the parts of a scan line that are inside the shape.
func (s *scanner) cover(line []crossing, coverage []float32) {
	slices.SortFunc(line, func(a, b crossing) int { return cmp.Compare(a.x, b.x) })
	winding := 0
	for i := range len(line) - 1 {
		winding += int(line[i].direction)
		if s.evenOdd && i%2 == 0 || !s.evenOdd && winding != 0 {
			span(coverage, line[i].x, line[i+1].x)
		}
	}
}

// span adds one scan line's share of the pixels between two places of a row.
func span(coverage []float32, from, to float32) {
	from, to = max(from, 0), min(to, float32(len(coverage)))
	for x := int(from); x < len(coverage) && float32(x) < to; x++ {
		coverage[x] += (min(to, float32(x+1)) - max(from, float32(x))) / sublines
	}
}

// blend paints a row of pixels over what is there.
func (s *scanner) blend(y int, coverage []float32) {
	for x, share := range coverage {
		if share <= 0 {
			continue
		}
		if s.painted++; s.painted > maxPainted {
			panic(errTooMuch)
		}
		r, g, b, a := s.paint(x, y).RGBA()
		keep := 1 - float32(a)/0xffff*min(share, 1)
		pixel := s.dest.Pix[s.dest.PixOffset(x, y):][:4]
		for i, component := range [4]uint32{r, g, b, a} {
			pixel[i] = uint8(min(float32(component)/0xffff*255*min(share, 1)+float32(pixel[i])*keep+0.5, 255))
		}
	}
}

// Clear drops the shape.
func (s *scanner) Clear() {
	for i := range s.lines {
		s.lines[i] = s.lines[i][:0]
	}
	const far = math.MaxInt32
	s.extent = fixed.Rectangle26_6{Min: fixed.Point26_6{X: far, Y: far}, Max: fixed.Point26_6{X: -far, Y: -far}}
}

func (s *scanner) include(p fixed.Point26_6) {
	s.extent.Min = fixed.Point26_6{X: min(s.extent.Min.X, p.X), Y: min(s.extent.Min.Y, p.Y)}
	s.extent.Max = fixed.Point26_6{X: max(s.extent.Max.X, p.X), Y: max(s.extent.Max.Y, p.Y)}
}

// GetPathExtent returns the bounding box of the shape.
func (s *scanner) GetPathExtent() fixed.Rectangle26_6 { return s.extent }

// SetWinding sets the fill rule.
func (s *scanner) SetWinding(nonZero bool) { s.evenOdd = !nonZero }

// SetBounds does nothing, since a picture has one size.
func (s *scanner) SetBounds(int, int) {}

// SetClip does nothing, since nothing is clipped.
func (s *scanner) SetClip(image.Rectangle) {}

// SetColor takes a colour, or for a gradient a function of the place.
func (s *scanner) SetColor(paint any) {
	switch paint := paint.(type) {
	case rasterx.ColorFunc:
		s.paint = paint
	case color.Color:
		s.paint = func(int, int) color.Color { return paint }
	}
}
