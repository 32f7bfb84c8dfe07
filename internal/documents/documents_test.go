// Package documents tests that the project's Markdown stays true: links lead somewhere, and the
// paths, metrics and make targets that it names exist.
package documents

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

var (
	fence   = regexp.MustCompile("(?ms)^\\s*```.*?^\\s*```")
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	quoted  = regexp.MustCompile("`([^`\n]+)`")
	// inRepository matches a quoted path below a folder of this repository.
	inRepository = regexp.MustCompile(`^(bot|commands|docs|internal|onboarding|templates)/[\w./-]*$`)
	metric       = regexp.MustCompile(`\b(?:onboardbot|onboarding)_[a-z_]*_(?:total|seconds|days)\b|` +
		`\bonboarding_(?:runs|frozen|isolation_\w+)\b`)
	makeTarget = regexp.MustCompile(`\bmake ([a-z-]+)`)
)

// documents returns the Markdown files by their paths in the repository, without templates and
// fixtures.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md"} {
		names, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			found[name] = read(t, name)
		}
	}
	if len(found) == 0 {
		t.Fatal("no documents")
	}
	return found
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	documents := documents(t)
	for name, text := range documents {
		for _, match := range link.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			target, fragment, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			to := name
			if target != "" {
				to = path.Join(path.Dir(name), target)
			}
			if _, err := os.Stat(filepath.Join(root, to)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, match[1])
			} else if fragment != "" && !slices.Contains(anchors(documents[to]), fragment) {
				t.Errorf("%s: %s has no heading #%s", name, to, fragment)
			}
		}
	}
}

// anchors returns the fragments that GitHub gives the headings of a document.
func anchors(text string) []string {
	var list []string
	for _, match := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		list = append(list, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case strings.ContainsRune("`.,:;'’()&/!?", r):
				return -1
			}
			return r
		}, strings.ToLower(match[1])))
	}
	return list
}

func TestPathsExist(t *testing.T) {
	t.Parallel()
	for name, text := range documents(t) {
		if name == "CHANGELOG.md" { // it also names what is gone
			continue
		}
		for _, match := range quoted.FindAllStringSubmatch(text, -1) {
			if !inRepository.MatchString(match[1]) || strings.Contains(match[1], "NAME") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
				t.Errorf("%s: there is no %s", name, match[1])
			}
		}
	}
}

func TestMakeTargetsExist(t *testing.T) {
	t.Parallel()
	makefile := read(t, "Makefile")
	for name, text := range documents(t) {
		commands := strings.Join(quoted.FindAllString(text, -1), "\n")
		for _, match := range makeTarget.FindAllStringSubmatch(commands, -1) {
			if !strings.Contains(makefile, "\n"+match[1]+":") {
				t.Errorf("%s: there is no target %s", name, match[1])
			}
		}
	}
}

func TestMetricsExist(t *testing.T) {
	t.Parallel()
	var product strings.Builder
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile(name)
			product.Write(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range documents(t) {
		if name == "CHANGELOG.md" {
			continue
		}
		for _, metric := range metric.FindAllString(text, -1) {
			if !strings.Contains(product.String(), `"`+metric+`"`) {
				t.Errorf("%s: there is no metric %s", name, metric)
			}
		}
	}
}
