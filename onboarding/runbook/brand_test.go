package runbook_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"image"
	"image/png"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
)

// shelf keeps assets.
type shelf map[string][]byte

func (s shelf) keep(content []byte) string {
	sum := sha256.Sum256(content)
	digest := hex.EncodeToString(sum[:])
	s[digest] = content
	return digest
}

func (s shelf) Get(_ context.Context, digest string) ([]byte, error) {
	content, known := s[digest]
	if !known {
		return nil, errors.New("no such asset")
	}
	return content, nil
}

func TestBrand(t *testing.T) {
	w := newFixture(t, nil)
	var logo bytes.Buffer
	if err := png.Encode(&logo, image.NewGray(image.Rect(0, 0, 128, 128))); err != nil {
		t.Fatal(err)
	}
	assets := shelf{}
	w.parts.Assets = assets
	w.runbook = newRunbook(t, w)
	before := w.everything()
	request := owner("merche-biche")
	request.Domains = []onboarding.Domain{{Name: "merche-biche.com"}}
	request.Brand = &onboarding.Brand{Copy: "Two\nlines: \"quoted\"", Palette: brand.DefaultPalette,
		Logo: assets.keep(logo.Bytes())}
	run := w.newRun(request)
	changes := map[onboarding.Key]onboarding.Change{}
	for i := range run.Steps {
		changes[run.Steps[i].Key] = w.do(run, run.Steps[i].Key)
	}
	var shown bool
	for _, file := range changes["deploy-config/merche-biche.com"].Items[0].Commit.Files {
		if file.Path != mercheFolder+"/org-site/assets/logo.png" {
			continue
		}
		_, after, err := file.Contents()
		shown = file.Base64 && err == nil && len(after) > 0
		if got := w.read(file.Path); got != string(after) {
			t.Error("the logo that was committed is not the one that was approved")
		}
	}
	if !shown {
		t.Error("the logo is no part of the change")
	}
	config := w.read(mercheFolder + "/org-site/config.yaml")
	for _, want := range []string{request.Org.Name, string(brand.DefaultPalette.Primary), "assets/logo.png",
		"lines: \"quoted\""} {
		if !strings.Contains(config, want) {
			t.Errorf("no %s in\n%s", want, config)
		}
	}
	again := w.newRun(request)
	again.Created = run.Created
	for i := range again.Steps {
		if change := w.do(again, again.Steps[i].Key); !change.Empty() {
			t.Errorf("again, %s wants %+v", again.Steps[i].Key, change)
		}
	}
	back := w.undo(run, changes, true)
	for i := range back.Steps {
		w.do(back, back.Steps[i].Key)
	}
	if after := w.everything(); after["tree"] != before["tree"] {
		t.Errorf("the tree is not what it was:\n%s\n%s", before["tree"], after["tree"])
	}

	// A Person-only site has no Org's files, and a logo that is gone stops the run before anybody
	// is asked.
	w.write("deployments/@domains/_template/{provider}.com/org-site/config.yaml", "name: \"{name}\"\nplatform: own\n")
	w.commit()
	alone := w.newRun(merche("merche-biche.shop"))
	for _, file := range w.observe(alone, "deploy-config/merche-biche.shop").Change.Items[0].Commit.Files {
		if strings.Contains(file.Path, "org-site") {
			t.Errorf("a Person has %s", file.Path)
		}
	}
	for _, file := range w.observe(w.newRun(request), "deploy-config/merche-biche.com").Change.Items[0].Commit.Files {
		if strings.HasSuffix(file.Path, "config.yaml") && !strings.Contains(*file.After, "platform: own") {
			t.Errorf("not the platform's own pattern: %s", *file.After)
		}
	}
	// An older release kept an SVG as it was. It is drawn as a PNG, and no SVG is committed.
	request.Brand.Logo = assets.keep([]byte(
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>`))
	var assetNames []string
	for _, file := range w.observe(w.newRun(request), "deploy-config/merche-biche.com").Change.Items[0].Commit.Files {
		if path.Base(path.Dir(file.Path)) == "assets" {
			assetNames = append(assetNames, path.Base(file.Path))
		}
	}
	if want := []string{"logo.png"}; !slices.Equal(assetNames, want) {
		t.Errorf("of an SVG: %q, want %q", assetNames, want)
	}
	clear(assets)
	if _, err := w.runbook.Observe(t.Context(), w.newRun(request), "deploy-config/merche-biche.com"); err == nil ||
		!strings.Contains(err.Error(), "logo of") {
		t.Errorf("a logo that is gone: %v", err)
	}
}
