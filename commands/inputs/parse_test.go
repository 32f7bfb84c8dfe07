package inputs

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestParse reads testdata/parse: what Slack sends under "line", and under "want" what is parsed
// and what is said about the rest.
func TestParse(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/parse/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(err, "no cases")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			line, err := Parse(strings.TrimSuffix(string(archive.Files[0].Data), "\n"))
			got := describe(line, err)
			if *update {
				archive.Files = append(archive.Files[:1], txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
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

func describe(line Line, err error) string {
	var out strings.Builder
	fmt.Fprintf(&out, "slug: %s\n", line.Slug)
	for _, key := range slices.Sorted(maps.Keys(line.Values)) {
		fmt.Fprintf(&out, "%s: %s\n", key, line.Values[key])
	}
	if err != nil {
		fmt.Fprintln(&out, err)
	}
	return out.String()
}

func TestFor(t *testing.T) {
	t.Parallel()
	line, err := Parse("merche-biche mail=mailbox mail.merche.example=forward:me@example.com")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, domain := range []string{"merche-biche.com", "merche.example"} {
		got[domain] = line.For(Mail, domain)
	}
	want := map[string]string{"merche-biche.com": "mailbox", "merche.example": "forward:me@example.com"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzParse checks that Parse fails only with problems at positions within the line, and that what
// was parsed is parsed again from its String.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/parse/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.TrimSuffix(string(archive.Files[0].Data), "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		line, err := Parse(text)
		if err != nil {
			for _, problem := range err.(Problems) {
				if problem.At < 1 || problem.At > len(text)+1 || problem.Text == "" {
					t.Errorf("%+v in %q", problem, text)
				}
			}
		}
		again, err := Parse(line.String())
		if err != nil {
			t.Fatalf("%q is written %q: %v", text, line, err)
		}
		if diff := cmp.Diff(line, again); diff != "" {
			t.Errorf("%q is written %q:\n%s", text, line, diff)
		}
	})
}
