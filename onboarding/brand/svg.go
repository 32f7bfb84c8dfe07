package brand

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An SVG is a program for a browser as much as a picture
// (https://www.w3.org/TR/SVG2/conform.html), so none is published: what is published is the PNG
// that the bot draws from it. This file reads what the rasteriser can draw and refuses what would
// be missing.

// Limits of an SVG.
const (
	maxNodes = 10_000 // elements
	maxDepth = 100    // of elements inside each other
	maxUnits = 1e6    // the longest side in the SVG's own units
	// maxRepetition is bytes of the file times the number of its use elements, each of which may
	// draw all of it again.
	maxRepetition = 16 << 20
)

const svgSpace = "http://www.w3.org/2000/svg"

var (
	// drawable are the elements that the rasteriser draws.
	drawable = strings.Fields(`svg g defs use style path rect circle ellipse line polyline polygon
		linearGradient radialGradient stop`)
	// ignorable are the elements that draw nothing. Clipping is among them: most editors write it
	// around the whole picture, and what it would hide is in the preview.
	ignorable = strings.Fields(`title desc metadata clipPath`)
	// undrawable are the attributes whose effect the rasteriser cannot draw.
	undrawable = []string{"mask", "filter"}
)

// svgDrawing is an SVG in the form that the rasteriser reads, and its size in its own units.
type svgDrawing struct {
	document      []byte
	width, height float64
}

// readSVG reads a file, or says in a sentence why it is not accepted.
func readSVG(content []byte) (svgDrawing, string) {
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	r := &svgReader{decoder: xml.NewDecoder(bytes.NewReader(content)), size: len(content)}
	err := r.read()
	if refusal, ok := errors.AsType[svgRefusal](err); ok {
		return svgDrawing{}, string(refusal)
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return svgDrawing{}, fmt.Sprintf("it is not well-formed XML, at line %d.", syntax.Line)
	}
	if err != nil {
		return svgDrawing{}, "it is not XML in UTF-8."
	}
	if r.nodes == 0 {
		return svgDrawing{}, "there is no picture in it."
	}
	return svgDrawing{r.document.Bytes(), r.width, r.height}, ""
}

// svgRefusal is why a file is not accepted.
type svgRefusal string

// Error is the refusal.
func (r svgRefusal) Error() string { return string(r) }

// refuse formats a refusal and ends it with a full stop.
func refuse(format string, args ...any) error {
	return svgRefusal(fmt.Sprintf(format, args...) + ".")
}

// svgReader copies what can be drawn.
type svgReader struct {
	decoder       *xml.Decoder
	document      bytes.Buffer
	open          []string // elements
	size          int      // of the file
	nodes, uses   int
	width, height float64
}

// read reads the file.
func (r *svgReader) read() error {
	for {
		token, err := r.decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.Directive:
			if bytes.ContainsAny(token, "[<&") {
				return refuse("it declares entities of its own (DOCTYPE); export it as plain SVG")
			}
		case xml.CharData:
			if len(r.open) > 0 && r.open[len(r.open)-1] == "style" {
				if err := checkStyle(string(token)); err != nil {
					return err
				}
				_ = xml.EscapeText(&r.document, token) // a buffer accepts everything
			}
		case xml.StartElement:
			if err := r.start(token); err != nil {
				return err
			}
		case xml.EndElement:
			r.document.WriteString("</" + token.Name.Local + ">")
			r.open = r.open[:len(r.open)-1]
		}
	}
}

// start copies the start tag of an element, or skips the whole element.
func (r *svgReader) start(element xml.StartElement) error {
	name := element.Name.Local
	foreign := element.Name.Space != svgSpace && element.Name.Space != ""
	switch {
	case len(r.open) == 0 && (foreign || name != "svg"):
		return refuse("it is not an SVG but <%s>", shorten(name))
	case len(r.open) == 0 && r.nodes > 0:
		return refuse("it has two roots")
	case foreign || slices.Contains(ignorable, name):
		return r.decoder.Skip()
	case !slices.Contains(drawable, name):
		return refuse("the bot cannot draw <%s>; convert everything to paths and export it again", shorten(name))
	}
	if r.nodes++; r.nodes > maxNodes || len(r.open) == maxDepth {
		return refuse("it has more than %d parts, or more than %d inside each other; simplify it", maxNodes, maxDepth)
	}
	if name == "use" {
		if err := r.checkUse(); err != nil {
			return err
		}
	}
	attributes, err := r.attributes(element)
	if err != nil {
		return err
	}
	r.document.WriteString("<" + name + attributes + ">")
	r.open = append(r.open, name)
	return nil
}

// checkUse bounds what use elements repeat. The rasteriser draws the part of defs that they refer
// to, and would not end if that refers to itself.
func (r *svgReader) checkUse() error {
	if slices.Contains(r.open, "defs") {
		return refuse("its parts use each other; convert everything to paths and export it again")
	}
	if r.uses++; r.uses*r.size > maxRepetition {
		return refuse("it uses its parts too often; simplify it")
	}
	return nil
}

// undrawableStyle matches the CSS properties with the effect of the undrawable attributes, with
// any prefix.
var undrawableStyle = regexp.MustCompile(`(?i)\b(mask|filter)[a-z-]*\s*:\s*([^;}\s]*)`)

// checkStyle refuses CSS whose effect the rasteriser cannot draw. An escape in it could spell any
// property.
func checkStyle(css string) error {
	if strings.Contains(css, `\`) || strings.Contains(strings.ToLower(css), "@import") {
		return refuse("its styles have escapes or imports; export it as plain SVG")
	}
	for _, match := range undrawableStyle.FindAllStringSubmatch(css, -1) {
		if !strings.EqualFold(match[2], "none") {
			return refuse("the bot cannot draw a %s; flatten it and export it again", strings.ToLower(match[1]))
		}
	}
	return nil
}

// simplerColors are colours that the rasteriser does not know, and what they are in a picture by
// itself.
var simplerColors = strings.NewReplacer("currentColor", "#000000", "currentcolor", "#000000", "transparent", "none")

// attributes returns an element's attributes as they are written. The root gets a view box and the
// defaults of SVG that the rasteriser lacks.
func (r *svgReader) attributes(element xml.StartElement) (string, error) {
	var out bytes.Buffer
	write := func(name, value string) {
		out.WriteString(" " + name + `="`)
		_ = xml.EscapeText(&out, []byte(value))
		out.WriteByte('"')
	}
	given := map[string]string{}
	root := len(r.open) == 0
	for _, a := range element.Attr {
		name, value := a.Name.Local, simplerColors.Replace(a.Value)
		qualified := a.Name.Space != "" && name != "href" || name == "xmlns"
		if _, twice := given[name]; twice || qualified || value == "inherit" {
			continue
		}
		given[name] = value
		if name == "style" {
			if err := checkStyle(value); err != nil {
				return "", err
			}
		}
		if slices.Contains(undrawable, name) && value != "none" {
			return "", refuse("the bot cannot draw a %s; flatten it and export it again", name)
		}
		if !root || !slices.Contains([]string{"viewBox", "width", "height"}, name) {
			write(name, value)
		}
	}
	if !root {
		return out.String(), nil
	}
	box, err := viewBox(given)
	if err != nil {
		return "", err
	}
	r.width, r.height = box[2], box[3]
	write("viewBox", fmt.Sprint(box[0], box[1], box[2], box[3]))
	for _, initial := range [][2]string{{"stroke-width", "1"}, {"stroke-linejoin", "miter"}} {
		if given[initial[0]] == "" {
			write(initial[0], initial[1])
		}
	}
	return out.String(), nil
}

// viewBox returns the left, the top, the width and the height of the picture from the attributes
// of its root.
func viewBox(root map[string]string) (box [4]float64, err error) {
	if given := root["viewBox"]; given != "" {
		numbers := strings.FieldsFunc(given, func(r rune) bool { return strings.ContainsRune(" \t\r\n,", r) })
		if len(numbers) != len(box) {
			return box, refuse("its viewBox is not four numbers")
		}
		for i, number := range numbers {
			if box[i], err = strconv.ParseFloat(number, 64); err != nil {
				return box, refuse("its viewBox is not four numbers")
			}
		}
	} else {
		box[2], box[3] = length(root["width"]), length(root["height"])
	}
	for _, number := range box {
		switch {
		case math.IsNaN(number):
			return box, refuse("its viewBox is not four numbers")
		case math.Abs(number) > maxUnits:
			return box, refuse("its viewBox is too large")
		}
	}
	if box[2] <= 0 || box[3] <= 0 {
		return box, refuse("it does not say how large it is. Give it a viewBox")
	}
	if ratio := box[2] / box[3]; ratio > maxRatio || ratio < 1.0/maxRatio {
		return box, refuse("it is more than %d times as long as it is wide", maxRatio)
	}
	return box, nil
}

// length reads a number with an absolute unit, 0 for anything else.
func length(text string) float64 {
	number, err := strconv.ParseFloat(strings.TrimRight(strings.TrimSpace(text), "pxtcmin"), 64)
	if err != nil {
		return 0
	}
	return number
}
