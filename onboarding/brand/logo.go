package brand

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"net/http"
	"path"
	"strings"
	"sync"

	"golang.org/x/image/webp"
)

// Limits of a logo.
const (
	MaxLogoSize = 2 << 20 // octets
	MinLogoSide = 64      // pixels, of pictures made of them
	MaxLogoSide = 4096
)

// LogoType is what a logo really is.
type LogoType string

// The types of logos.
const (
	PNG  LogoType = "png"
	JPEG LogoType = "jpg"
	WebP LogoType = "webp"
	SVG  LogoType = "svg"
)

// Logo is a picture that was checked, and holds nothing but the picture: neither comments nor places, no script, and nothing appended.
type Logo struct {
	Type LogoType `json:"type"`
	// Width and Height are pixels, for SVG units of its own.
	Width   int    `json:"width"`
	Height  int    `json:"height"`
	Content []byte `json:"content"`
}

// File is the name that the logo gets, whatever it was called.
func (l Logo) File() string { return "logo." + string(l.Type) }

// CheckLogo reads a logo as its content says, whatever the name and whatever type somebody claims, or says what is wrong with it as a
// sentence. The logo's content may differ from what was given: the picture alone is kept.
func CheckLogo(name string, content []byte) (Logo, string) {
	switch {
	case len(content) == 0:
		return Logo{}, fmt.Sprintf("The file %s is empty.", display(name))
	case len(content) > MaxLogoSize:
		return Logo{}, fmt.Sprintf("A logo has at most %d MiB; %s has %.1f.", MaxLogoSize>>20, display(name), float64(len(content))/(1<<20))
	}
	for _, format := range formats {
		if !format.is(content) {
			continue
		}
		clean, err := format.strip(content)
		if err != nil {
			return Logo{}, fmt.Sprintf("%s is a broken %s file: %v.", display(name), format.label, err)
		}
		return checkPixels(name, format, clean)
	}
	if markup(content) {
		document, problem := parseSVG(content)
		if problem != "" {
			return Logo{}, fmt.Sprintf("%s cannot be used: %s", display(name), problem)
		}
		return Logo{Type: SVG, Width: int(document.width + 0.5), Height: int(document.height + 0.5), Content: document.bytes()}, ""
	}
	return Logo{}, fmt.Sprintf("%s is neither PNG, JPEG, WebP nor SVG%s. Export it as one of these.", display(name), guess(content))
}

// guess says what a file seems to be, empty where that helps nobody.
func guess(content []byte) string {
	kind, _, _ := strings.Cut(http.DetectContentType(content), ";")
	if kind == "application/octet-stream" {
		return ""
	}
	return ": it looks like " + kind
}

// display is a file's name as it can be said.
func display(name string) string {
	name = strings.Map(func(r rune) rune {
		if !printable(r) {
			return -1
		}
		return r
	}, path.Base(strings.ReplaceAll(name, `\`, "/")))
	return shorten(name)
}

// format is one way of storing pixels.
type format struct {
	kind   LogoType
	label  string
	is     func([]byte) bool
	strip  func([]byte) ([]byte, error)
	config func([]byte) (image.Config, error)
	decode func([]byte) (image.Image, error)
}

var formats = []format{
	{PNG, "PNG", isPNG, stripPNG,
		func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) },
		func(b []byte) (image.Image, error) { return png.Decode(bytes.NewReader(b)) }},
	{JPEG, "JPEG", isJPEG, stripJPEG,
		func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) },
		func(b []byte) (image.Image, error) { return jpeg.Decode(bytes.NewReader(b)) }},
	{WebP, "WebP", isWebP, stripWebP,
		func(b []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(b)) },
		func(b []byte) (image.Image, error) { return webp.Decode(bytes.NewReader(b)) }},
}

// decoding lets one picture be decoded at a time: the largest allowed takes 128 MiB.
var decoding sync.Mutex

// checkPixels looks at the dimensions first, since few octets can claim to be many pixels, and decodes all of the picture only then.
func checkPixels(name string, f format, content []byte) (Logo, string) {
	config, err := f.config(content)
	if err != nil {
		return Logo{}, fmt.Sprintf("%s is a broken %s file: its header cannot be read.", display(name), f.label)
	}
	logo := Logo{Type: f.kind, Width: config.Width, Height: config.Height, Content: content}
	switch {
	case min(config.Width, config.Height) < MinLogoSide:
		return Logo{}, fmt.Sprintf("A logo has at least %d by %d pixels; %s has %d by %d.", MinLogoSide, MinLogoSide, display(name), config.Width, config.Height)
	case max(config.Width, config.Height) > MaxLogoSide:
		return Logo{}, fmt.Sprintf("A logo has at most %d by %d pixels; %s has %d by %d.", MaxLogoSide, MaxLogoSide, display(name), config.Width, config.Height)
	}
	if _, err := logo.pixels(); err != nil {
		return Logo{}, fmt.Sprintf("%s is a broken %s file: its picture cannot be read.", display(name), f.label)
	}
	return logo, ""
}

// pixels decodes a logo that is made of them.
func (l Logo) pixels() (image.Image, error) {
	decoding.Lock()
	defer decoding.Unlock()
	for _, f := range formats {
		if f.kind == l.Type {
			return f.decode(l.Content)
		}
	}
	return nil, fmt.Errorf("logo: %s has no pixels", l.Type)
}
