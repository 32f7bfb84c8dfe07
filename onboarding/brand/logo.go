package brand

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"path"
	"strings"

	"golang.org/x/image/webp"
	"golang.org/x/sync/semaphore"
)

// Limits of a logo.
const (
	MaxLogoSize = 2 << 20 // bytes
	MinLogoSide = 64      // pixels, unless it is an SVG
	MaxLogoSide = 4096
)

// LogoType is the format of a logo, and the extension of its file.
type LogoType string

// The types of logos. An SVG becomes a PNG.
const (
	PNG  LogoType = "png"
	JPEG LogoType = "jpg"
	WebP LogoType = "webp"
)

// Logo is a picture that was checked. Its content is the picture only: no comments, no location
// data, and nothing appended.
type Logo struct {
	Type    LogoType `json:"type"`
	Width   int      `json:"width"` // pixels
	Height  int      `json:"height"`
	Content []byte   `json:"content"`
}

// File is the name of the logo's file.
func (l Logo) File() string { return "logo." + string(l.Type) }

// CheckLogo reads a file as a logo, or says in a sentence what is wrong with it. The format is
// that of the content, whatever the file's name says. The logo's content may differ from the file:
// only the picture is kept, and an SVG is drawn as a PNG.
func CheckLogo(ctx context.Context, name string, content []byte) (Logo, string) {
	switch {
	case len(content) == 0:
		return Logo{}, fmt.Sprintf("The file %s is empty.", display(name))
	case len(content) > MaxLogoSize:
		return Logo{}, fmt.Sprintf("A logo has at most %d MiB; %s has %.1f.", MaxLogoSize>>20, display(name),
			float64(len(content))/(1<<20))
	}
	for _, format := range formats {
		if !format.is(content) {
			continue
		}
		clean, err := format.strip(content)
		if err != nil {
			return Logo{}, fmt.Sprintf("%s is a broken %s file: %v.", display(name), format.label, err)
		}
		return checkPixels(ctx, name, format, clean)
	}
	if isXML(content) {
		drawing, problem := readSVG(content)
		var logo Logo
		if problem == "" {
			logo, problem = drawing.rasterise(ctx)
		}
		if problem != "" {
			return Logo{}, fmt.Sprintf("%s cannot be used: %s", display(name), problem)
		}
		return logo, ""
	}
	return Logo{}, fmt.Sprintf("%s is neither PNG, JPEG, WebP nor SVG%s. Export it as one of these.", display(name),
		guess(content))
}

// isXML reports whether a file begins like XML.
func isXML(content []byte) bool {
	content = bytes.TrimLeft(bytes.TrimPrefix(content, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(content, []byte("<"))
}

// guess says what a file seems to be, or nothing if that is unknown.
func guess(content []byte) string {
	kind, _, _ := strings.Cut(http.DetectContentType(content), ";")
	if kind == "application/octet-stream" {
		return ""
	}
	return ": it looks like " + kind
}

// display is a file's name in a form fit for a sentence.
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
	decode func(io.Reader) (image.Image, error)
}

var formats = []format{
	{PNG, "PNG", isPNG, stripPNG,
		func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) },
		png.Decode},
	{JPEG, "JPEG", isJPEG, stripJPEG,
		func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) },
		jpeg.Decode},
	{WebP, "WebP", isWebP, stripWebP,
		func(b []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(b)) },
		webp.Decode},
}

// decoding lets only one picture be decoded or drawn at a time: the largest one allowed takes 128
// MiB. Each takes seconds at most, and whoever waits can give up.
var decoding = semaphore.NewWeighted(1)

// notInTime is what somebody reads who gave up waiting.
const notInTime = "The logo could not be checked in time. Try again."

// untilDone ends a decoder when its context has ended.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// checkPixels checks the dimensions before it decodes the picture, since a few bytes can claim to
// be many pixels.
func checkPixels(ctx context.Context, name string, f format, content []byte) (Logo, string) {
	config, err := f.config(content)
	if err != nil {
		return Logo{}, fmt.Sprintf("%s is a broken %s file: its header cannot be read.", display(name), f.label)
	}
	logo := Logo{Type: f.kind, Width: config.Width, Height: config.Height, Content: content}
	switch {
	case min(config.Width, config.Height) < MinLogoSide:
		return Logo{}, fmt.Sprintf("A logo has at least %d by %d pixels; %s has %d by %d.",
			MinLogoSide, MinLogoSide, display(name), config.Width, config.Height)
	case max(config.Width, config.Height) > MaxLogoSide:
		return Logo{}, fmt.Sprintf("A logo has at most %d by %d pixels; %s has %d by %d.",
			MaxLogoSide, MaxLogoSide, display(name), config.Width, config.Height)
	}
	_, err = logo.pixels(ctx)
	if ctx.Err() != nil {
		return Logo{}, notInTime
	}
	if err != nil {
		return Logo{}, fmt.Sprintf("%s is a broken %s file: its picture cannot be read.", display(name), f.label)
	}
	return logo, ""
}

// pixels decodes a logo.
func (l Logo) pixels(ctx context.Context) (image.Image, error) {
	if err := decoding.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer decoding.Release(1)
	for _, f := range formats {
		if f.kind == l.Type {
			return f.decode(untilDone{ctx, bytes.NewReader(l.Content)})
		}
	}
	return nil, fmt.Errorf("logo: %s has no pixels", l.Type)
}
