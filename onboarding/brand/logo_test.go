package brand

import (
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

func pixels(width, height int) image.Image {
	drawn := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range drawn.Pix {
		drawn.Pix[i] = uint8(i * i / 7)
	}
	return drawn
}

func whitePixels(width, height int) image.Image {
	drawn := image.NewGray(image.Rect(0, 0, width, height))
	for i := range drawn.Pix {
		drawn.Pix[i] = 0xff
	}
	return drawn
}

func pngOf(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func jpegOf(t testing.TB, picture image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, picture, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "logo", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// chunk is a PNG chunk.
func chunk(kind, data string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(out, kind+data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE([]byte(kind+data)))
}

// insert inserts bytes into a copy of a file.
func insert(content []byte, at int, more []byte) []byte {
	return slices.Concat(content[:at], more, content[at:])
}

const pngHead = 8 + 25 // signature and IHDR

// bomb is a small file that claims to be many pixels.
func bomb(t testing.TB) []byte {
	content := pngOf(t, pixels(64, 64))
	binary.BigEndian.PutUint32(content[16:], 60000)
	binary.BigEndian.PutUint32(content[20:], 60000)
	binary.BigEndian.PutUint32(content[29:], crc32.ChecksumIEEE(content[12:29]))
	return content
}

func TestCheckLogo(t *testing.T) {
	t.Parallel()
	small := pngOf(t, pixels(64, 64))
	photo := jpegOf(t, pixels(100, 80))
	lossy, lossless, alpha := file(t, "lossy.webp"), file(t, "lossless.webp"), file(t, "alpha.webp")
	exif := append([]byte{0xff, 0xe1, 0, 20}, "Exif\x00\x00GPS 48.85,2.35"[:18]...)
	note := append([]byte("EXIF\x04\x00\x00\x00"), "GPS!"...)
	annotated := insert(alpha, len(alpha), note)
	binary.LittleEndian.PutUint32(annotated[4:], uint32(len(annotated)-8))
	annotated[20] |= 1 << 3
	for name, test := range map[string]struct {
		content []byte
		want    Logo
		problem string
	}{
		"PNG": {small, Logo{PNG, 64, 64, small}, ""},
		"PNG with notes": {insert(small, pngHead,
			slices.Concat(chunk("tEXt", "Comment\x00<script>"), chunk("eXIf", "GPS"))), Logo{PNG, 64, 64, small}, ""},
		"PNG that is a ZIP too": {insert(small, len(small), []byte("PK\x03\x04<script>")),
			Logo{PNG, 64, 64, small}, ""},
		"PNG of the largest kind": {pngOf(t, whitePixels(4096, 64)),
			Logo{PNG, 4096, 64, pngOf(t, whitePixels(4096, 64))}, ""},
		"PNG cut": {small[:len(small)-20], Logo{},
			"logo.gif is a broken PNG file: it ends in the middle."},
		"PNG with a wrong check sum": {flip(small, len(small)-30), Logo{},
			"logo.gif is a broken PNG file: its picture cannot be read."},
		"PNG bomb": {bomb(t), Logo{},
			"A logo has at most 4096 by 4096 pixels; logo.gif has 60000 by 60000."},
		"PNG that is too small": {pngOf(t, pixels(63, 400)), Logo{},
			"A logo has at least 64 by 64 pixels; logo.gif has 63 by 400."},
		"PNG that is too large": {pngOf(t, pixels(64, 4097)), Logo{},
			"A logo has at most 4096 by 4096 pixels; logo.gif has 64 by 4097."},
		"JPEG":              {photo, Logo{JPEG, 100, 80, photo}, ""},
		"JPEG with a place": {insert(photo, 2, exif), Logo{JPEG, 100, 80, photo}, ""},
		"JPEG with a page behind": {insert(photo, len(photo), []byte("<html><script>alert(1)</script>")),
			Logo{JPEG, 100, 80, photo}, ""},
		"JPEG cut": {photo[:len(photo)-2], Logo{},
			"logo.gif is a broken JPEG file: it ends in the middle."},
		"WebP lossy":            {lossy, Logo{WebP, 96, 80, lossy}, ""},
		"WebP lossless":         {lossless, Logo{WebP, 96, 80, lossless}, ""},
		"WebP with alpha":       {alpha, Logo{WebP, 96, 80, alpha}, ""},
		"WebP with notes":       {annotated, Logo{WebP, 96, 80, alpha}, ""},
		"WebP with more behind": {insert(lossy, len(lossy), []byte("<script>")), Logo{WebP, 96, 80, lossy}, ""},
		"WebP that moves": {webpOf("ANIM", "\x00\x00\x00\x00\x00\x00"), Logo{},
			"logo.gif is a broken WebP file: it is animated, and a logo must not be."},
		"WebP cut": {lossy[:60], Logo{}, "logo.gif is a broken WebP file: it ends in the middle."},
		"WebP with a short header": {webpOf("VP8X", "\x00\x00"), Logo{},
			"logo.gif is a broken WebP file: it ends in the middle."},
		"GIF": {[]byte("GIF89a\x01\x00\x01\x00"), Logo{},
			"logo.gif is neither PNG, JPEG, WebP nor SVG: it looks like image/gif. Export it as one of these."},
		"PDF": {[]byte("%PDF-1.7"), Logo{},
			"logo.gif is neither PNG, JPEG, WebP nor SVG: it looks like application/pdf. Export it as one of these."},
		"page": {[]byte("<!DOCTYPE html><p>hi"), Logo{},
			"logo.gif cannot be used: it is not an SVG but <p>."},
		"SVG compressed": {[]byte("\x1f\x8b\x08\x00"), Logo{},
			"logo.gif is neither PNG, JPEG, WebP nor SVG: it looks like application/x-gzip. Export it as one " +
				"of these."},
		"empty": {nil, Logo{}, "The file logo.gif is empty."},
		"too many octets": {make([]byte, MaxLogoSize+1), Logo{},
			"A logo has at most 2 MiB; logo.gif has 2.0."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			logo, problem := CheckLogo(context.Background(), `C:\../logo.gif`, test.content)
			if problem != test.problem {
				t.Errorf("problem %q, want %q", problem, test.problem)
			}
			if diff := cmp.Diff(test.want, logo); diff != "" {
				t.Error(diff[:min(len(diff), 2000)])
			}
		})
	}
}

func flip(content []byte, at int) []byte {
	content = slices.Clone(content)
	content[at] ^= 0xff
	return content
}

func webpOf(kind, data string) []byte {
	body := append([]byte("WEBP"+kind), byte(len(data)), 0, 0, 0)
	body = append(body, data...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// summary describes the PNG of an SVG.
func summary(t *testing.T, logo Logo) string {
	t.Helper()
	drawn, err := png.Decode(bytes.NewReader(logo.Content))
	if err != nil || logo.Type != PNG {
		t.Fatalf("a %s: %v", logo.Type, err)
	}
	painted := 0
	for y := range logo.Height {
		for x := range logo.Width {
			if _, _, _, alpha := drawn.At(x, y).RGBA(); alpha > 0x7fff {
				painted++
			}
		}
	}
	center := color.NRGBAModel.Convert(drawn.At(logo.Width/2, logo.Height/2)).(color.NRGBA)
	return fmt.Sprintf("PNG of %d by %d pixels, %.1f%% painted, %02x%02x%02x%02x in the middle\n",
		logo.Width, logo.Height, 100*float64(painted)/float64(logo.Width*logo.Height), center.R, center.G, center.B,
		center.A)
}

// TestSVG reads testdata/svg: an uploaded file, and what is drawn from it or why it is not
// accepted.
func TestSVG(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/svg/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no cases")
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			logo, problem := CheckLogo(context.Background(), "logo.svg", archive.Files[0].Data)
			got := problem + "\n"
			if problem == "" {
				got = summary(t, logo)
			}
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzCheckLogo checks that whatever is accepted is made of pixels, and is accepted again as it
// is.
func FuzzCheckLogo(f *testing.F) {
	files, err := filepath.Glob("testdata/svg/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data)
	}
	for _, name := range []string{"lossy.webp", "lossless.webp", "alpha.webp"} {
		f.Add(file(f, name))
	}
	f.Add(pngOf(f, pixels(64, 64)))
	f.Add(jpegOf(f, pixels(64, 64)))
	f.Fuzz(func(t *testing.T, content []byte) {
		logo, problem := CheckLogo(context.Background(), "logo", content)
		if problem != "" {
			return
		}
		if isXML(logo.Content) {
			t.Errorf("an SVG stays: %s", logo.Content)
		}
		again, problem := CheckLogo(context.Background(), "logo", logo.Content)
		if diff := cmp.Diff(logo, again); diff != "" || problem != "" {
			t.Error(problem, diff)
		}
		if _, err := logo.fitted(context.Background(), image.Pt(60, 60)); err != nil {
			t.Error(err)
		}
	})
}

// TestAJPEGOfManyScans is small and goes over its picture a hundred thousand times.
func TestAJPEGOfManyScans(t *testing.T) {
	t.Parallel()
	progressive := []byte{0xff, 0xd8,
		0xff, 0xc2, 0, 11, 8, 0x0f, 0xff, 0x0f, 0xff, 1, 1, 0x11, 0, // 4095 by 4095 pixels of one component
		0xff, 0xdb, 0, 67, 0}
	progressive = append(progressive, bytes.Repeat([]byte{1}, 64)...)
	scan := []byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 0, 0, 0x00}
	progressive = append(progressive, bytes.Repeat(scan, 100_000)...)
	progressive = append(progressive, 0xff, 0xd9)
	began := time.Now()
	_, problem := CheckLogo(context.Background(), "bomb.jpg", progressive)
	if !strings.Contains(problem, "too many scans") || time.Since(began) > 2*time.Second {
		t.Errorf("%q after %s", problem, time.Since(began))
	}
}

// TestNobodyWaitsForOthers gives up while another logo is decoded.
func TestNobodyWaitsForOthers(t *testing.T) {
	if err := decoding.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	defer decoding.Release(1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, problem := CheckLogo(ctx, "logo.png", pngOf(t, pixels(100, 100))); problem != notInTime {
		t.Errorf("%q", problem)
	}
}
