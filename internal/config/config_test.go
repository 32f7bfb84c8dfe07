package config_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/config"
)

var update = flag.Bool("update", false, "write what is said below the dashes of every case")

// TestWhatIsWrongIsSaidAllAtOnce runs every file of testdata: a configuration above the dashes,
// what is said of it below.
func TestWhatIsWrongIsSaidAllAtOnce(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	t.Setenv("BOT_TOKEN", "xoxb-1")
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, found := strings.Cut(string(text), "----------\n")
			if !found {
				t.Fatal("no line of ten dashes")
			}
			path := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(path, []byte(input), 0o600); err != nil {
				t.Fatal(err)
			}
			got := said(path)
			if *update {
				if err := os.WriteFile(file, []byte(input+"----------\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func said(path string) string {
	_, err := config.Load(path, config.Everything...)
	if err == nil {
		return "good\n"
	}
	problems, ok := errors.AsType[*config.Problems](err)
	if !ok {
		return "not a list of problems: " + err.Error() + "\n"
	}
	problems.File = "config.yaml"
	return problems.Error() + "\n"
}
