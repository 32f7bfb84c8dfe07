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
)

// sameVerdict is how often each case of the corpus on the base "teams" is checked with other ids.
// 0: those of fewIDs alone.
var sameVerdict = flag.Int("verdicts", 0, "how often TestRandomIDs checks each case, each time with other random ids")

// fewIDs are the runs of the cases that are always checked. In run 17 of two-sides-items, the
// Persons with the lowest ids have no order; in run 4 of the other two, Orgs without a holding
// have the lowest.
var fewIDs = map[string][]int{
	"boards": {1, 2}, "two-sides-items": {17}, "members-of-subsidiary": {4}, "members-write-upwards": {4},
}

// TestRandomIDs checks cases of the corpus whose ids are hashes, with other ids each time: what is
// found must not depend on them.
func TestRandomIDs(t *testing.T) {
	t.Parallel()
	base, err := os.ReadFile(filepath.Join("testdata", "base", "teams.sql"))
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join("testdata", "corpus", "*", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		runs := fewIDs[name]
		for run := range *sameVerdict {
			if !slices.Contains(runs, run+1) {
				runs = append(runs, run+1)
			}
		}
		if len(runs) == 0 {
			continue
		}
		files := caseFiles(t, path)
		if strings.TrimSpace(files["base"]) != "teams" {
			continue
		}
		for _, run := range runs {
			t.Run(fmt.Sprintf("%s/%d", name, run), func(t *testing.T) {
				t.Parallel()
				others := strings.NewReplacer("md5('", fmt.Sprintf("md5('%d ' || '", run))
				s := newSchema(t, others.Replace(string(base)), others.Replace(files["schema.sql"]))
				s.configure(t, files["config.yaml"])
				report := s.check(t)
				if changes := cmp.Diff(expected(files), s.found(report)); changes != "" {
					t.Errorf("with other ids (-want +got):\n%s\nleft out %q", changes, report.Coverage.LeftOut)
				}
			})
		}
	}
}
