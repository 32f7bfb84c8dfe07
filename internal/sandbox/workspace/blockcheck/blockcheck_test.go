package blockcheck_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

var update = flag.Bool("update", false, "rewrite what is expected")

// repeated is how a case writes long values: «x*3001» are 3001 times x, and a comma joins them if
// it ends in one.
var repeated = regexp.MustCompile(`«(.+?)\*(\d+)»`)

func expand(s string) string {
	return repeated.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeated.FindStringSubmatch(m)
		n, err := strconv.Atoi(parts[2])
		if err != nil {
			panic(err)
		}
		list := make([]string, n)
		for i := range list {
			list[i] = strings.ReplaceAll(parts[1], "#", strconv.Itoa(i))
		}
		if strings.HasPrefix(parts[1], "{") || strings.HasPrefix(parts[1], "[") || strings.HasPrefix(parts[1], `"`) {
			return strings.Join(list, ",")
		}
		return strings.Join(list, "")
	})
}

// TestCases judges testdata/*.txtar: message.json, modal.json or home.json above, what Slack says
// below. No errors means accepted.
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
			for i := 0; i+1 < len(a.Files); i += 2 {
				in, out := a.Files[i], &a.Files[i+1]
				if out.Name != "errors" {
					t.Fatalf("%s is not followed by errors but by %s", in.Name, out.Name)
				}
				got := judge(t, in.Name, expand(string(in.Data)))
				if *update {
					out.Data = []byte(got)
				} else if diff := cmp.Diff(string(out.Data), got); diff != "" {
					t.Errorf("%s #%d (-want +got):\n%s", in.Name, i/2, diff)
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func judge(t *testing.T, name, in string) string {
	o := blockcheck.Options{SlackFile: func(id, _ string) bool { return id == "F0123456789" }}
	var (
		problems []blockcheck.Problem
		err      error
	)
	switch name {
	case "message.json":
		_, problems, err = blockcheck.Blocks([]byte(in), o)
	case "old-message.json":
		o.Unsupported = []string{"plan", "task_card"}
		_, problems, err = blockcheck.Blocks([]byte(in), o)
	case "modal.json":
		_, problems, err = blockcheck.View([]byte(in), blockcheck.Modal, o)
	case "home.json":
		_, problems, err = blockcheck.View([]byte(in), blockcheck.Home, o)
	case "options.json":
		_, problems, err = blockcheck.OptionsAnswer([]byte(in))
	default:
		t.Fatalf("unknown input %s", name)
	}
	if errors.Is(err, blockcheck.ErrFormat) {
		return "format\n"
	}
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

func FuzzBlocks(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(file.Data)
		}
	}
	f.Fuzz(func(_ *testing.T, in []byte) {
		// Whatever an app sends, judging it must not panic.
		_, _, _ = blockcheck.Blocks(in, blockcheck.Options{})
		_, _, _ = blockcheck.View(in, blockcheck.Modal, blockcheck.Options{})
		_, _, _ = blockcheck.View(in, blockcheck.Home, blockcheck.Options{})
		_, _, _ = blockcheck.OptionsAnswer(in)
	})
}
