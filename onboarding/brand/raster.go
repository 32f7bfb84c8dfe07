package brand

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/fyne-io/oksvg"
	"github.com/srwiley/rasterx"
	"golang.org/x/image/draw"
)

// rasterised are the elements that the rasteriser knows how to draw.
var rasterised = strings.Fields(`svg g defs use style path rect circle ellipse line polyline polygon linearGradient radialGradient stop`)

// picture is a logo as pixels of at most the size. Exact is false where parts of an SVG, such as its text, do not show.
func (l Logo) picture(size image.Point) (drawn image.Image, exact bool, err error) {
	if l.Type != SVG {
		full, err := l.pixels()
		if err != nil {
			return nil, false, err
		}
		fitted := image.NewRGBA(image.Rectangle{Max: fit(full.Bounds().Size(), size)})
		draw.CatmullRom.Scale(fitted, fitted.Rect, full, full.Bounds(), draw.Src, nil)
		return fitted, true, nil
	}
	document, problem := parseSVG(l.Content)
	if problem != "" {
		return nil, false, errors.New(problem)
	}
	root, exact := document.root.simplified()
	root.attrs = slices.DeleteFunc(root.attrs, func(a attr) bool { return slices.Contains([]string{"viewBox", "width", "height"}, a.name) })
	// What SVG has as defaults, and the rasteriser has not.
	root.attrs = append([]attr{{"viewBox", document.viewBox()}, {"stroke-width", "1"}, {"stroke-linejoin", "miter"}}, root.attrs...)
	scale := 1000 / max(document.width, document.height)
	bounds := fit(image.Pt(max(1, int(document.width*scale)), max(1, int(document.height*scale))), size)
	drawn, err = rasterise(root.document(), bounds)
	return drawn, exact, err
}

// fit is the largest size of the same shape within another.
func fit(size, within image.Point) image.Point {
	if size.X*within.Y > size.Y*within.X {
		return image.Pt(within.X, max(1, size.Y*within.X/size.X))
	}
	return image.Pt(max(1, size.X*within.Y/size.Y), within.Y)
}

// rasterise draws an SVG that was checked. It may still ask for more than can be drawn, or for what the rasteriser stumbles over, which
// is an error.
func rasterise(content []byte, size image.Point) (drawn *image.RGBA, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			drawn, err = nil, fmt.Errorf("svg: %v", reason)
		}
	}()
	icon, err := oksvg.ReadIconStream(bytes.NewReader(content), oksvg.IgnoreErrorMode)
	if err != nil {
		return nil, fmt.Errorf("svg: %w", err)
	}
	evenOdd := bytes.Contains(content, []byte("evenodd"))
	for i := range icon.SVGPaths {
		adapt(&icon.SVGPaths[i], float64(size.X)/icon.ViewBox.W, evenOdd)
	}
	drawn = image.NewRGBA(image.Rectangle{Max: size})
	icon.SetTarget(0, 0, float64(size.X), float64(size.Y))
	icon.Draw(rasterx.NewDasher(size.X, size.Y, newScanner(drawn)), 1)
	return drawn, nil
}

// adapt makes up for what the rasteriser does not do: it neither reads the winding rule, nor does it scale what makes a stroke. The rule
// bears on shapes that overlap themselves alone, and who draws those sets it throughout.
func adapt(path *oksvg.SvgPath, scale float64, evenOdd bool) {
	path.UseNonZeroWinding = !evenOdd
	path.LineWidth *= scale
	path.DashOffset *= scale
	dashes := slices.Clone(path.Dash)
	for i := range dashes {
		if dashes[i] *= scale; !(dashes[i] >= 1) { // nobody would see those, and they might never end
			dashes = nil
			break
		}
	}
	path.Dash = dashes
}

var simplerColors = strings.NewReplacer("currentColor", "#000000", "currentcolor", "#000000", "transparent", "none")

// simplified is an element without what the rasteriser would draw wrongly, and whether that is all of it.
func (n *node) simplified() (simple *node, exact bool) {
	simple, exact = &node{name: n.name, text: n.text}, true
	for _, a := range n.attrs {
		switch {
		case a.value == "inherit":
			continue
		case slices.Contains([]string{"clip-path", "mask", "filter"}, a.name):
			exact = false
		}
		a.value = simplerColors.Replace(a.value)
		simple.attrs = append(simple.attrs, a)
	}
	for _, child := range n.children {
		switch {
		case child.name == "title" || child.name == "desc":
		case child.name != "" && !slices.Contains(rasterised, child.name):
			exact = false
		default:
			simpleChild, exactChild := child.simplified()
			simple.children = append(simple.children, simpleChild)
			exact = exact && exactChild
		}
	}
	return simple, exact
}
