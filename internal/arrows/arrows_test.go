// Package arrows holds which package may import which. Arrows run downwards only: main,
// internal/app, commands, then bot and onboarding, then the parts below. rules.txt has the rule of
// every package.
package arrows

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/atlilith/onboardbot"

// guarded are the libraries that only some packages may import, by the paths of their modules.
var guarded = map[string]string{
	"github.com/jackc/pgx/":     "+postgres",
	"github.com/pressly/goose/": "+postgres",
	"github.com/riverqueue/":    "+river",
	"github.com/slack-go/":      "+slack",
}

// never are the imports that no rule may allow.
var never = map[string][]string{
	"onboarding/...":      {"+slack", "bot/...", "commands/...", "internal/app", "internal/config"},
	"onboarding":          {"+postgres", "+river", "internal/..."},
	"bot/...":             {"onboarding/...", "commands/...", "templates", "internal/app", "internal/config"},
	"commands/...":        {"onboarding/engine", "onboarding/runbook/...", "internal/app", "internal/config"},
	"commands/form":       {"+postgres", "+river"},
	"commands/render/...": {"+postgres", "+river"},
	"commands/samples":    {"+postgres", "+river"},
	"templates":           {"bot/...", "commands/...", "onboarding/...", "internal/..."},
}

// imports returns what each package of the module imports, and each package below those.
var imports = sync.OnceValues(func() (map[string][]string, error) {
	list := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...")
	out, err := list.Output()
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		paths := strings.Fields(line)
		all[paths[0]] = paths[1:]
	}
	return all, err
})

func TestArrowsRunDownwards(t *testing.T) {
	t.Parallel()
	all, err := imports()
	if err != nil {
		t.Fatal(err)
	}
	rules, used := readRules(t), map[string]bool{}
	for path, imported := range all {
		if path != module && !strings.HasPrefix(path, module+"/") {
			continue
		}
		pkg := local(path)
		pattern := mostSpecific(rules, pkg)
		if pattern == "" {
			t.Errorf("%s has no rule in rules.txt: say there what it may import", pkg)
			continue
		}
		used[pattern] = true
		for _, path := range imported {
			imported := local(path)
			if imported != "" && !matchesAny(rules[pattern], imported) {
				t.Errorf("%s must not import %s", pkg, path)
			}
			for above, forbidden := range never {
				if imported != "" && matches(above, pkg) && matchesAny(forbidden, imported) {
					t.Errorf("%s must never import %s", pkg, path)
				}
			}
		}
	}
	for pattern := range rules {
		if !used[pattern] {
			t.Errorf("rules.txt: no package matches %s: remove the rule", pattern)
		}
	}
}

// pure are the packages that reach no database and no jobs, not even through others: the nouns,
// and what turns them into messages.
var pure = []string{"onboarding", "onboarding/certificates", "bot/post", "bot/blockkit", "commands/form",
	"commands/inputs", "commands/render", "commands/render/certs", "commands/render/changes",
	"commands/render/isolationreport", "commands/render/mrkdwn", "commands/samples"}

func TestPurePackagesReachNoDatabase(t *testing.T) {
	t.Parallel()
	all, err := imports()
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range pure {
		reached := []string{module + "/" + pkg}
		for i := 0; i < len(reached); i++ {
			if library := local(reached[i]); library == "+postgres" || library == "+river" {
				t.Errorf("%s reaches %s", pkg, reached[i])
			}
			for _, path := range all[reached[i]] {
				if !slices.Contains(reached, path) {
					reached = append(reached, path)
				}
			}
		}
		if len(reached) < 2 {
			t.Errorf("%s: no such package, or it imports nothing", pkg)
		}
	}
}

// readRules returns what the packages that match a pattern may import. A line of rules.txt begins
// with a pattern and a colon. Indented lines continue it.
func readRules(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("rules.txt")
	if err != nil {
		t.Fatal(err)
	}
	rules, pattern := map[string][]string{}, ""
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) > 0 && !strings.HasPrefix(line, " ") {
			name, isRule := strings.CutSuffix(words[0], ":")
			if _, twice := rules[name]; !isRule || twice {
				t.Fatalf("rules.txt: %q is not a new rule", strings.TrimSpace(line))
			}
			pattern, words = name, words[1:]
			rules[pattern] = nil
		}
		if len(words) > 0 {
			rules[pattern] = append(rules[pattern], words...)
		}
	}
	return rules
}

// local returns the path of a package in the module, the name of a guarded library, or nothing.
func local(path string) string {
	if path == module {
		return "."
	}
	for prefix, library := range guarded {
		if strings.HasPrefix(path, prefix) {
			return library
		}
	}
	if inside, found := strings.CutPrefix(path, module+"/"); found {
		return inside
	}
	return ""
}

// matches reports whether a pattern means a package.
func matches(pattern, pkg string) bool {
	above, below := strings.CutSuffix(pattern, "/...")
	return pkg == above || below && strings.HasPrefix(pkg, above+"/")
}

func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, pkg) })
}

// mostSpecific returns the longest pattern that means a package.
func mostSpecific(rules map[string][]string, pkg string) (longest string) {
	for pattern := range rules {
		if matches(pattern, pkg) && len(pattern) > len(longest) {
			longest = pattern
		}
	}
	return longest
}
