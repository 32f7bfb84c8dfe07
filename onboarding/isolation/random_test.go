package isolation_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		files := caseFiles(t, path)
		if strings.TrimSpace(files["base"]) != "teams" {
			continue
		}
		for run := range runs {
			t.Run(fmt.Sprintf("%s/%d", strings.TrimSuffix(filepath.Base(path), ".txtar"), run), func(t *testing.T) {
				t.Parallel()
				others := strings.NewReplacer("md5('", fmt.Sprintf("md5('%d ' || '", run+1))
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
