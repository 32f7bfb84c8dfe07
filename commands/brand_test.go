package commands_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	drawn := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range min(width, height) {
		drawn.Set(i, i, color.RGBA{R: 0xb0, G: 0x12, B: 0x4f, A: 0xff})
	}
	var out bytes.Buffer
	must(t, png.Encode(&out, drawn))
	return out.Bytes()
}

// TestALogoThatSlackDoesNotHandOut is told at the logo, and the other inputs are judged all the
// same.
func TestALogoThatSlackDoesNotHandOut(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	offer := r.confirmation(r.ana,
		`merche-biche mode=owner name="Merche Biche" email=merche@example.com copy="Hello" primary=b0124f`)
	r.press(r.ana, offer, "Change…")
	form, err := r.ana.Modal(r.ctx())
	must(t, err)
	_, err = form.Fill(r.ctx(), "Colours", "#ffffff, #cccccc")
	must(t, err)
	_, err = form.Attach(r.ctx(), "Logo", workspace.File{Name: "logo.png", Data: picture(t, 200, 100)})
	must(t, err)
	must(t, r.Order(r.ctx(), workspace.Fault{Kind: workspace.FaultError, Method: "files.info", Error: "fatal_error"}))
	if out := r.submit(form); !strings.Contains(out.Errors["logo"], "Slack did not hand out this file") ||
		!strings.Contains(out.Errors["palette"], "The nearest readable colour is") {
		t.Errorf("%+v", out)
	}
}

func TestBrand(t *testing.T) {
	t.Parallel()
	r := newFixture(t)
	offer := r.confirmation(r.ana,
		`merche-biche mode=owner name="Merche Biche" email=merche@example.com copy="Hello" primary=b0124f`)
	r.press(r.ana, offer, "Change…")
	form, err := r.ana.Modal(r.ctx())
	must(t, err)
	_, err = form.Fill(r.ctx(), "Colours", "#ffffff, #cccccc")
	must(t, err)
	for _, c := range []struct {
		file workspace.File
		want string
	}{
		{workspace.File{Name: "logo.svg",
			Data: []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><script>alert(1)</script></svg>`)}, "script"},
		{workspace.File{Name: "a\u202egnp.exe", Data: []byte("MZ\x90\x00")}, "neither PNG, JPEG, WebP nor SVG"},
		{workspace.File{Name: "huge.png", Data: bytes.Repeat([]byte("x"), 3<<20)}, "at most 2 M"},
		{workspace.File{Name: "tiny.png", Data: picture(t, 10, 10)}, "64"},
	} {
		_, err := form.Attach(r.ctx(), "Logo", c.file)
		must(t, err)
		if out := r.submit(form); !strings.Contains(out.Errors["logo"], c.want) ||
			!strings.Contains(out.Errors["palette"], "The nearest readable colour is") {
			t.Errorf("%s: %+v, want %q", c.file.Name, out, c.want)
		}
	}
	_, err = form.Attach(r.ctx(), "Logo", workspace.File{Name: "logo.png", Data: picture(t, 200, 100)})
	must(t, err)
	if out := r.submit(form); !strings.Contains(out.Errors["palette"], "The nearest readable colour is") {
		t.Errorf("%+v", out)
	}
	// The logo is kept: it was valid.
	_, err = form.Dismiss(r.ctx())
	must(t, err)
	form = r.open(r.ana, "merche-biche")
	view, err := form.Read(r.ctx())
	must(t, err)
	if text := view.Render(200, nil); !strings.Contains(text, "The uploaded logo is kept") {
		t.Errorf("the form:\n%s", text)
	}
	_, err = form.Fill(r.ctx(), "Colours", "#ffffff, #222222")
	must(t, err)
	if out := r.submit(form); !out.Closed {
		t.Fatalf("%+v", out)
	}
	root := r.read(r.ana, "Onboarding Merche Biche")
	preview, err := r.ana.WaitMessage(r.ctx(), "ops", func(m workspace.Message) bool {
		return len(m.Files) == 1 &&
			m.Files[0].Name == "preview.png"
	})
	must(t, err)
	if _, err := png.Decode(bytes.NewReader(preview.Files[0].Data)); err != nil || preview.ThreadTS != root.TS {
		t.Errorf("the preview: %v, in thread %s", err, preview.ThreadTS)
	}
	brand := r.run("merche-biche").Request.Brand
	if brand == nil || brand.Copy != "Hello" || brand.Palette.Text != "#222222" || len(brand.Logo) != 64 {
		t.Errorf("%+v", brand)
	}
	r.noRefusals()
}
