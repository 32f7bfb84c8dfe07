package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/config"
)

// TestEffective shows every file of testdata/effective: a configuration above the dashes, what the
// bot makes of it below. What is wrong with it comes last, in YAML's comments.
func TestEffective(t *testing.T) {
	files, err := filepath.Glob("testdata/effective/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	t.Setenv("BOT_TOKEN", "xoxb-1")
	t.Setenv("DB_PASSWORD", "hunter2")
	t.Setenv("TMPDIR", "/tmp")
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
			shown, err := config.Effective(path)
			got := string(shown)
			if err != nil {
				got += "# " + strings.ReplaceAll(strings.ReplaceAll(err.Error(), path, "config.yaml"), "\n",
					"\n# ") + "\n"
			}
			for _, hidden := range []string{"xoxb-1", "xapp-from-a-file", "hunter2", "onboarder"} {
				if strings.Contains(got, hidden) {
					t.Errorf("%q shows", hidden)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(input+"----------\n"+got), 0o600); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if strings.Contains(got, "problem") {
				return
			}
			again := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(again, shown, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := config.Load(again); err != nil {
				t.Errorf("what is shown is no configuration itself: %v", err)
			}
		})
	}
}
