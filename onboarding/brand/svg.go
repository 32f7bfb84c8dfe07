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

// An SVG is a program for a browser as much as a picture (https://www.w3.org/TR/SVG2/conform.html). So it is read into a tree of the
// elements that are known to draw only, and what is kept is written anew from that tree: nothing that this parser did not
// understand can reach another one.

const (
	svgSpace   = "http://www.w3.org/2000/svg"
	xlinkSpace = "http://www.w3.org/1999/xlink"
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"

	maxNodes = 10_000 // elements, each counted as often as it is drawn
	maxDepth = 100
	maxUnits = 1e6 // the longest side in its own units
)

// drawing are the elements that are kept. Others of no harm, such as what editors note for themselves, are left out.
var drawing = strings.Fields(`svg g defs symbol use title desc style switch path rect circle ellipse line polyline polygon text tspan textPath
	linearGradient radialGradient stop pattern clipPath mask marker filter feBlend feColorMatrix feComponentTransfer feComposite
	feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG feFuncR feGaussianBlur
	feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile feTurbulence`)

// refused are the elements for which a file is not taken, each with what it does.
var refused = map[string]string{
	"script": "it carries a script", "handler": "it carries a script", "listener": "it carries a script",
	"foreignObject": "it carries a page inside (foreignObject)", "iframe": "it carries a page inside", "embed": "it carries a page inside",
	"object": "it carries a page inside", "audio": "it plays sound", "video": "it plays a video", "canvas": "it carries a page inside",
	"image": "it carries another picture inside; use that one itself, or draw it as paths", "feImage": "it carries another picture inside",
	"a": "it carries a link", "animate": "it is animated, and a logo stands still", "animateMotion": "it is animated, and a logo stands still",
	"animateTransform": "it is animated, and a logo stands still", "animateColor": "it is animated, and a logo stands still",
	"set": "it is animated, and a logo stands still", "discard": "it is animated, and a logo stands still",
}

// written are the elements whose text is kept.
var written = []string{"title", "desc", "style", "text", "tspan", "textPath"}

// document is an SVG that was understood.
type document struct {
	root                *node
	x, y, width, height float64 // of its view box
}

// node is an element of one, or text where name is empty.
type node struct {
	name     string
	text     string
	attrs    []attr // in the order of the file
	children []*node
}

type attr struct{ name, value string }

func (n *node) attr(name string) string {
	if i := slices.IndexFunc(n.attrs, func(a attr) bool { return a.name == name }); i >= 0 {
		return n.attrs[i].value
	}
	return ""
}

// markup says whether a file is to be read as XML: that it begins with it.
func markup(content []byte) bool {
	content = bytes.TrimLeft(bytes.TrimPrefix(content, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(content, []byte("<"))
}

// parseSVG reads a file, or says why it is not taken as a sentence.
func parseSVG(content []byte) (*document, string) {
	decoder := xml.NewDecoder(bytes.NewReader(bytes.TrimPrefix(content, []byte("\ufeff"))))
	p := &svgParser{decoder: decoder}
	if err := p.read(); err != nil {
		var problem svgProblem
		if errors.As(err, &problem) {
			return nil, string(problem)
		}
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return nil, fmt.Sprintf("it is not well-formed XML, at line %d.", syntax.Line)
		}
		return nil, "it is not XML in UTF-8."
	}
	if p.root == nil {
		return nil, "there is no picture in it."
	}
	d := &document{root: p.root}
	if problem := d.measure(); problem != "" {
		return nil, problem
	}
	if problem := d.count(); problem != "" {
		return nil, problem
	}
	return d, ""
}

// svgProblem is why a file is not taken.
type svgProblem string

func (p svgProblem) Error() string { return string(p) }

func refuse(format string, args ...any) error {
	return svgProblem(fmt.Sprintf(format, args...) + ".")
}

type svgParser struct {
	decoder *xml.Decoder
	root    *node
	nodes   int
}

// read walks over the file once.
func (p *svgParser) read() error {
	var open []*node // with nil for an element that is left out
	for {
		token, err := p.decoder.Token()
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
		case xml.ProcInst:
			if token.Target != "xml" {
				return refuse("it asks for another file (%s)", shorten(token.Target))
			}
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] != nil && slices.Contains(written, open[len(open)-1].name) {
				parent := open[len(open)-1]
				parent.children = append(parent.children, &node{text: string(token)})
			}
		case xml.StartElement:
			var parent *node
			if len(open) > 0 {
				parent = open[len(open)-1]
			}
			n, err := p.element(token, parent, len(open))
			if err != nil {
				return err
			}
			open = append(open, n)
		case xml.EndElement:
			if closed := open[len(open)-1]; closed != nil && closed.name == "style" {
				if problem := badStyle(closed.content()); problem != "" {
					return refuse("its style %s", problem)
				}
			}
			open = open[:len(open)-1]
		}
	}
}

// element takes one element into the tree, or returns nil where it is to be left out.
func (p *svgParser) element(start xml.StartElement, parent *node, depth int) (*node, error) {
	name := start.Name.Local
	for known, what := range refused { // in any namespace: readers differ in what they make of those
		if strings.EqualFold(known, name) {
			return nil, refuse("%s", what)
		}
	}
	if p.nodes++; p.nodes > maxNodes || depth > maxDepth {
		return nil, refuse("it has more than %d parts, or %d inside each other; simplify it", maxNodes, maxDepth)
	}
	n := &node{name: name}
	for _, given := range start.Attr {
		a, err := keep(given)
		if err != nil {
			return nil, err
		}
		if a.name != "" && n.attr(a.name) == "" {
			n.attrs = append(n.attrs, a)
		}
	}
	drawn := (start.Name.Space == svgSpace || start.Name.Space == "") && slices.Contains(drawing, name)
	switch {
	case depth == 0 && (!drawn || name != "svg"):
		return nil, refuse("it is not an SVG but <%s>", shorten(name))
	case depth == 0 && p.root != nil:
		return nil, refuse("it has two roots")
	case depth == 0:
		p.root = n
	case parent == nil || !drawn:
		return nil, nil
	default:
		parent.children = append(parent.children, n)
	}
	return n, nil
}

func (n *node) content() string {
	var text strings.Builder
	for _, child := range n.children {
		text.WriteString(child.text)
	}
	return text.String()
}

var plainName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*$`)

// keep checks an attribute and brings it into the form that is written; the empty one is left out.
func keep(given xml.Attr) (attr, error) {
	name, value := given.Name.Local, given.Value
	lower := strings.ToLower(name)
	squeezed := strings.ToLower(strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1
		}
		return r
	}, value))
	switch {
	case strings.HasPrefix(lower, "on"):
		return attr{}, refuse("it carries a script (%s)", shorten(name))
	case strings.Contains(squeezed, "script:") || strings.Contains(squeezed, "data:"):
		return attr{}, refuse("it carries an address of a script or of data (%s)", shorten(name))
	case lower == "href" || lower == "src":
		if !strings.HasPrefix(value, "#") {
			return attr{}, refuse("it refers to something outside of itself (%s)", shorten(value))
		}
		return attr{"href", value}, nil
	case given.Name.Space == xmlSpace && name == "space":
		return attr{"xml:space", value}, nil
	case given.Name.Space != "" || name == "xmlns" || !plainName.MatchString(name) || strings.HasPrefix(lower, "data-"):
		return attr{}, nil
	}
	if problem := badStyle(value); problem != "" && name != "id" && name != "class" && !strings.HasPrefix(lower, "aria-") {
		return attr{}, refuse("its %s %s", name, problem)
	}
	return attr{name, value}, nil
}

var (
	cssFunction = regexp.MustCompile(`([a-zA-Z-]+)[\s/*]*\(`)
	cssURL      = regexp.MustCompile(`(?i)url\s*\(\s*["']?\s*([^)]*)`)
	cssAt       = regexp.MustCompile(`@[\s/*]*([a-zA-Z-]*)`)
)

// functions of CSS and of transformations that fetch nothing, and words that stand before parentheses there.
var functions = strings.Fields(`url rgb rgba hsl hsla hwb lab lch oklab oklch color calc min max clamp var matrix translate translatex translatey scale
	scalex scaley rotate skewx skewy blur brightness contrast drop-shadow grayscale hue-rotate invert opacity saturate sepia not is where
	media supports nth-child nth-last-child nth-of-type nth-last-of-type polygon circle ellipse inset path cubic-bezier and or screen`)

// badStyle says what in a style, or in the value of an attribute, would fetch something or hide what it does.
func badStyle(css string) string {
	if strings.Contains(css, `\`) {
		return "has escapes that hide what it does"
	}
	for _, rule := range cssAt.FindAllStringSubmatch(css, -1) {
		if name := strings.ToLower(rule[1]); name != "media" && name != "supports" {
			return fmt.Sprintf("asks for something outside of it (@%s)", shorten(name))
		}
	}
	for _, call := range cssFunction.FindAllStringSubmatch(css, -1) {
		if !slices.Contains(functions, strings.ToLower(call[1])) {
			return fmt.Sprintf("uses %s(), which can ask for something outside of it", shorten(call[1]))
		}
	}
	for _, reference := range cssURL.FindAllStringSubmatch(css, -1) {
		if !strings.HasPrefix(reference[1], "#") {
			return fmt.Sprintf("refers to something outside of it (%s)", shorten(reference[1]))
		}
	}
	return ""
}

var separator = regexp.MustCompile(`[\s,]+`)

// measure finds the view box, made of width and height if there is none.
func (d *document) measure() string {
	if box := d.root.attr("viewBox"); box != "" {
		var numbers []float64
		for _, word := range separator.Split(strings.TrimSpace(box), -1) {
			number, err := strconv.ParseFloat(word, 64)
			if err != nil {
				return "its viewBox is not four numbers."
			}
			numbers = append(numbers, number)
		}
		if len(numbers) != 4 {
			return "its viewBox is not four numbers."
		}
		d.x, d.y, d.width, d.height = numbers[0], numbers[1], numbers[2], numbers[3]
	} else {
		d.width, d.height = length(d.root.attr("width")), length(d.root.attr("height"))
	}
	for _, number := range []float64{d.x, d.y, d.width, d.height} {
		if math.IsNaN(number) || math.Abs(number) > maxUnits {
			return "its viewBox is too large."
		}
	}
	if d.width <= 0 || d.height <= 0 {
		return "it does not say how large it is: give it a viewBox."
	}
	if ratio := d.width / d.height; ratio > 20 || ratio < 1.0/20 {
		return "it is more than 20 times as long as it is wide."
	}
	return ""
}

// length reads a number with a unit that is not relative to anything; 0 is none.
func length(text string) float64 {
	number, err := strconv.ParseFloat(strings.TrimRight(strings.TrimSpace(text), "pxtcmin"), 64)
	if err != nil {
		return 0
	}
	return number
}
