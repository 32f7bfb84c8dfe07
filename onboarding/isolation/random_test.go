package isolation_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// sameVerdict is how often each case of the corpus on the base "teams" is checked with other ids.
// 0: one case, twice.
var sameVerdict = flag.Int("verdicts", 0, "how often TestRandomIDs checks each case, each time with other random ids")

// TestRandomIDs checks cases of the corpus whose ids are hashes, with other ids each time: what is
// found must not depend on them.
func TestRandomIDs(t *testing.T) {
	t.Parallel()
	base, err := os.ReadFile(filepath.Join("testdata", "base", "teams.sql"))
	if err != nil {
		t.Fatal(err)
	}
	runs, pattern := *sameVerdict, "*"
	if runs == 0 {
		runs, pattern = 2, "boards"
	}
	paths, err := filepath.Glob(filepath.Join("testdata", "corpus", "*", pattern+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, f := range archive.Files {
			files[f.Name] = string(f.Data)
		}
		if strings.TrimSpace(files["base"]) != "teams" {
			continue
		}
		want := strings.Split(strings.TrimSpace(files["expect"]), "\n")
		slices.Sort(want[1:])
		for run := range runs {
			t.Run(fmt.Sprintf("%s/%d", strings.TrimSuffix(filepath.Base(path), ".txtar"), run), func(t *testing.T) {
				t.Parallel()
				others := strings.NewReplacer("md5('", fmt.Sprintf("md5('%d ' || '", run+1))
				s := newSchema(t, others.Replace(string(base)), others.Replace(files["schema.sql"]))
				report := s.check(t)
				got := []string{string(report.Verdict)}
				for _, f := range report.Findings {
					got = append(got, strings.ReplaceAll(f.Key(), s.role, "{{app}}"))
				}
				slices.Sort(got[1:])
				if changes := cmp.Diff(want, got); changes != "" {
					t.Errorf("with other ids (-want +got):\n%s\nleft out %q", changes, report.Coverage.LeftOut)
				}
			})
		}
	}
}
