package render_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/render"
)

var update = flag.Bool("update", false, "rewrite what is expected")

var names = render.Names{"U0ANA": "Ana Ortiz", "C0OPS": "ops", "S0OPS": "operators"}

// TestCases renders testdata/*.txtar: blocks.json, with state.json if it has one, as text for 80
// and 40 columns, and as HTML.
func TestCases(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var blocks, state []byte
			kept := a.Files[:0:0]
			want := map[string]string{}
			for _, f := range a.Files {
				switch f.Name {
				case "blocks.json":
					blocks = f.Data
					kept = append(kept, f)
				case "state.json":
					state = f.Data
					kept = append(kept, f)
				default:
					want[f.Name] = string(f.Data)
				}
			}
			page := string(render.HTML(blocks, render.Sheet{Names: names, State: state}))
			got := map[string]string{
				"80.txt": render.Text(blocks, state, names, 80) + "\n",
				"40.txt": render.Text(blocks, state, names, 40) + "\n",
				// One tag a line makes differences readable.
				"page.html": strings.ReplaceAll(page, "><", ">\n<") + "\n",
			}
			if *update {
				for _, n := range []string{"80.txt", "40.txt", "page.html"} {
					kept = append(kept, txtar.File{Name: n, Data: []byte(got[n])})
				}
				a.Files = kept
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"*bold* _it_ ~no~ `*code*`":                    "bold it no `*code*`",
		"a*b*c and snake_case_name":                    "a*b*c and snake_case_name",
		"2 * 3 * 4":                                    "2 * 3 * 4",
		"<@U0ANA> <@U9|x> <#C0OPS|> <!subteam^S0OPS>":  "@Ana Ortiz @U9 #ops @operators",
		"<!here> <https://a.example|a> <https://b.c>":  "@here a (https://a.example) https://b.c",
		"<!date^0^{date_num} at {time}^https://x.y|z>": "1970-01-01 at 00:00 (https://x.y)",
		"&lt;b&gt; &amp;amp;":                          "<b> &amp;",
		"&gt; quoted\nnot":                             "│ quoted\nnot",
		"before ```\ncode *x*\n``` after":              "before\n    code *x*\n after",
		"wide 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字": "wide\n漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字\n漢字漢字",
	} {
		if got := render.Plain(in, names, 40); got != want {
			t.Errorf("%q\n got %q\nwant %q", in, got, want)
		}
	}
}

// FuzzRender: whatever stands in a message, showing it does not panic, and no text of it becomes
// a tag.
func FuzzRender(f *testing.F) {
	f.Add([]byte(`[{"type":"section","text":{"type":"mrkdwn","text":"*a* <x|y> `+"```"+`z"}}]`), 10)
	f.Fuzz(func(t *testing.T, in []byte, width int) {
		render.Text(in, in, names, width%300)
		out := render.HTML(in, render.Sheet{Names: names, State: in})
		if bytes.Contains([]byte(out), []byte("<script")) {
			t.Errorf("%q became %s", in, out)
		}
	})
}
