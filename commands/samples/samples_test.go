package samples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace/blockcheck"
)

// TestSlackShowsTheSamples checks each sample against Slack's rules.
func TestSlackShowsTheSamples(t *testing.T) {
	t.Parallel()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	// Slack takes some hundred calls a minute, and whoever checks a deployment waits for them.
	if len(all) < 20 || len(all) > 80 {
		t.Errorf("%d samples", len(all))
	}
	for _, kind := range []string{"home/", "reply/", "thread/", "view/"} {
		if !slices.ContainsFunc(all, func(s Sample) bool { return strings.HasPrefix(s.Name, kind) }) {
			t.Errorf("no sample of %s", kind)
		}
	}
	isFallback := func(s Sample) bool { return strings.HasSuffix(s.Name, ".fallback") && !s.Replaced }
	if !slices.ContainsFunc(all, func(s Sample) bool { return s.Replaced }) || !slices.ContainsFunc(all, isFallback) {
		t.Error("no plan, or no fallback of one")
	}
	names := map[string]bool{}
	for _, s := range all {
		if names[s.Name] {
			t.Errorf("%s twice", s.Name)
		}
		names[s.Name] = true
		var problems []blockcheck.Problem
		var err error
		switch s.Surface {
		case blockkit.InMessage:
			_, problems, err = blockcheck.Blocks(s.JSON, blockcheck.Options{})
		case blockkit.InModal:
			_, problems, err = blockcheck.View(s.JSON, blockcheck.Modal, blockcheck.Options{})
		case blockkit.InHome:
			_, problems, err = blockcheck.View(s.JSON, blockcheck.Home, blockcheck.Options{})
		}
		if err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v", s.Name, err, problems)
		}
	}
}

// TestSamplesHoldEveryKind compares the samples with the golden files of all renderers: each
// block, element, style and status that occurs in a golden file occurs in a sample for the same
// surface.
func TestSamplesHoldEveryKind(t *testing.T) {
	t.Parallel()
	all, err := All()
	if err != nil {
		t.Fatal(err)
	}
	sampled := map[string]bool{}
	for _, s := range all {
		for _, kind := range kinds(t, s.JSON) {
			sampled[fmt.Sprint(s.Surface, kind)] = true
		}
	}
	missing := map[string]string{}
	check := func(name string, content []byte) {
		surface := blockkit.InMessage
		switch {
		case bytes.HasPrefix(content, []byte("{")):
			surface = blockkit.InModal
		case strings.Contains(name, "/home/"):
			surface = blockkit.InHome
		}
		for _, kind := range kinds(t, content) {
			if key := fmt.Sprint(surface, kind); !sampled[key] {
				missing[key] = name
			}
		}
	}
	err = fs.WalkDir(os.DirFS(".."), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(file, "/testdata/") {
			return err
		}
		content, err := fs.ReadFile(os.DirFS(".."), file)
		switch path.Ext(file) {
		case ".json":
			check(file, content)
		case ".txtar":
			for _, part := range txtar.Parse(content).Files {
				if strings.HasSuffix(part.Name, ".json") {
					check(file+"/"+part.Name, part.Data)
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for kind, name := range missing {
		t.Errorf("%s of %s is in no sample", kind, name)
	}
}

// kinds lists the types of blocks and elements, with their styles and statuses.
func kinds(t *testing.T, content []byte) []string {
	t.Helper()
	var value any
	if err := json.Unmarshal(content, &value); err != nil {
		t.Fatal(err)
	}
	var found []string
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case map[string]any:
			found = append(found, fmt.Sprint("/", value["type"], "/", value["style"], "/", value["status"]))
			for _, each := range value {
				walk(each)
			}
		case []any:
			for _, each := range value {
				walk(each)
			}
		}
	}
	walk(value)
	return found
}
