package brand

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v4"
)

// TestRender compares the files of an Org's site with testdata/render.
func TestRender(t *testing.T) {
	t.Parallel()
	logo, problem := CheckLogo(context.Background(), "logo",
		[]byte(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><rect width="9" height="9"/></svg>`))
	if problem != "" {
		t.Fatal(problem)
	}
	for name, brand := range map[string]Brand{
		"full": {Name: "Merche Collective",
			Copy: "Independent artists, one house.\n\nVisits by appointment: Paris & Lyon.", Palette: DefaultPalette,
			Logo: &logo},
		"least": {Name: "Merche", Palette: DefaultPalette},
		"hostile": {Name: `"} evil: {name} # 'x' !!js/x *a &b`,
			Copy: "---\n- a: {logo}\n  \"b\": |\n...\n%TAG ! x\n# {{ .Evil }}", Palette: DefaultPalette},
		"words": {Name: "no", Copy: "0x1F", Palette: DefaultPalette},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := Render(context.Background(), brand, Template())
			if err != nil {
				t.Fatal(err)
			}
			got := new(txtar.Archive)
			for _, path := range slices.Sorted(maps.Keys(files)) {
				content := files[path]
				if strings.HasSuffix(path, ".png") {
					content = []byte(summary(t, Logo{Type: PNG, Width: logo.Width, Height: logo.Height,
						Content: content}))
				}
				got.Files = append(got.Files, txtar.File{Name: path, Data: content})
			}
			golden := "testdata/render/" + name + ".txtar"
			if *update {
				if err := os.WriteFile(golden, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(txtar.Format(got))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	t.Parallel()
	good := Brand{Name: "Merche", Palette: DefaultPalette}
	for name, test := range map[string]struct {
		brand    Brand
		template string
		want     string
	}{
		"no name": {Brand{Palette: DefaultPalette}, "a: b", "brand: name: is empty"},
		"lines in the name": {Brand{Name: "a\nb", Palette: DefaultPalette}, "a: b",
			"brand: name: the character U+000A does not print"},
		"copy not checked": {Brand{Name: "a", Copy: "<b>", Palette: DefaultPalette}, "a: b",
			"brand: copy: Site copy is plain text: leave out HTML such as <b>."},
		"no palette": {Brand{Name: "a"}, "a: b",
			"brand: accent:  is not a colour: give six hexadecimal digits, such as #b0124f."},
		"logo not checked": {Brand{Name: "a", Palette: DefaultPalette,
			Logo: &Logo{Type: PNG, Content: []byte("<svg/>")}}, "a: b",
			"brand: logo: logo.png cannot be used: it does not say how large it is. Give it a viewBox."},
		"unknown placeholder": {good, "a: [1, \"{nmae}\"]",
			"brand: template: {nmae} is not a placeholder; the placeholders are {accent}, {background}, " +
				"{copy}, {logo}, {name}, {primary}, {text}"},
		"list":    {good, "- a", "brand: template: is not a YAML mapping"},
		"nothing": {good, "", "brand: template: is not a YAML mapping"},
	} {
		_, err := Render(context.Background(), test.brand, []byte(test.template))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
}

// FuzzRender checks that a text that passes the checks is read back unchanged from the
// configuration, and that nothing is added.
func FuzzRender(f *testing.F) {
	f.Add("Merche", "Welcome.")
	f.Add(`a" b`, " x\n\n  y: |\n\t# z\n")
	f.Add("'", "- {copy}\n%YAML\n---\n\u00a0")
	f.Fuzz(func(t *testing.T, name, text string) {
		clean, problem := CheckCopy(text)
		if problem != "" || checkName(name) != nil {
			return
		}
		files, err := Render(context.Background(), Brand{Name: name, Copy: clean, Palette: DefaultPalette}, Template())
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := yaml.Unmarshal(files["org-site/config.yaml"], &got); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"name": strings.TrimSpace(name), "palette": map[string]any{
			"background": "#ffffff", "text": "#1a1a2e", "primary": "#b0124f", "accent": "#00695c"}}
		if clean != "" {
			want["copy"] = clean
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
