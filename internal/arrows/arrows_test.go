// Package arrows holds which package may import which. Arrows run downwards only: main,
// internal/app, commands, then bot and onboarding, then the parts below.
package arrows

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/atlilith/onboardbot"

// rule says what the packages that match a pattern may import. A pattern is a path in this module;
// one that ends in /... also means everything below.
type rule struct {
	pattern string
	// imports are the patterns of this module's packages that may be imported.
	imports []string
	// outside are those of the guarded libraries that may be imported.
	outside []string
}

// guarded are libraries that only some packages may know, with the module paths that they stand
// for.
var guarded = map[string][]string{
	"postgres": {"github.com/jackc/pgx/", "github.com/pressly/goose/"},
	"river":    {"github.com/riverqueue/"},
	"slack":    {"github.com/slack-go/"},
}

var (
	postgres = []string{"postgres"}
	jobs     = []string{"postgres", "river"}
	slack    = []string{"slack"}
	all      = []string{"postgres", "river", "slack"}
)

// rules has every package of the module. The most specific pattern counts.
var rules = []rule{
	// The shell.
	{".", []string{"internal/cli"}, nil},
	{"internal/cli",
		[]string{"internal/app", "internal/doctor", "internal/config", "onboarding/certificates",
			"onboarding/isolation",
			"templates"}, nil},
	{"internal/doctor",
		[]string{"internal/app", "internal/config", "bot/...", "commands/...", "onboarding/...",
			"templates"}, postgres},
	{"internal/app",
		[]string{"internal/config", "internal/health", "internal/liveness", "internal/migrate",
			"internal/ticker", "bot/...",
			"commands/...", "onboarding/..."}, jobs},
	{"internal/config",
		[]string{"internal/secret", "bot", "commands/access", "onboarding", "onboarding/isolation/reports",
			"onboarding/runbook",
			"onboarding/runbook/settings"}, postgres},

	// What people type and press, and what they read.
	{"commands",
		[]string{"bot/...", "commands/...", "onboarding", "onboarding/service", "onboarding/store", "onboarding/brand",
			"onboarding/certificates/...", "onboarding/inputs", "onboarding/isolation", "onboarding/isolation/reports",
			"internal/jobs", "internal/locks", "internal/migrate"}, all},
	{"commands/home", []string{"bot", "bot/outbox", "commands/access", "commands/render", "onboarding",
		"onboarding/service", "internal/migrate"}, all},
	{"commands/projection",
		[]string{"bot/outbox", "commands/access", "commands/render/...", "onboarding", "onboarding/brand",
			"onboarding/certificates", "onboarding/certificates/watch", "onboarding/store",
			"onboarding/isolation", "onboarding/isolation/reports", "internal/jobs", "internal/locks"}, jobs},
	{"commands/access", []string{"bot", "bot/blockkit", "commands/render/mrkdwn", "onboarding"}, nil},
	{"commands/samples",
		[]string{"bot/outbox", "bot/blockkit", "commands/form", "commands/render/...", "onboarding",
			"onboarding/certificates",
			"onboarding/isolation", "onboarding/isolation/reports"}, slack},
	{"commands/form",
		[]string{"bot/blockkit", "commands/render", "commands/render/mrkdwn", "onboarding", "onboarding/brand",
			"onboarding/inputs"}, slack},
	{"commands/render",
		[]string{"bot/blockkit", "bot/outbox", "commands/render/changes", "commands/render/mrkdwn", "onboarding",
			"onboarding/certificates"}, slack},
	{"commands/render/certs",
		[]string{"bot/blockkit", "bot/outbox", "commands/render", "commands/render/mrkdwn", "onboarding/certificates",
			"onboarding/certificates/timeline",
			"onboarding/probe"}, slack},
	{"commands/render/changes", []string{"commands/render/mrkdwn", "onboarding"}, nil},
	{"commands/render/isolationreport",
		[]string{"bot/blockkit", "bot/outbox", "commands/render", "commands/render/mrkdwn", "onboarding/isolation",
			"onboarding/isolation/reports"}, nil},
	{"commands/render/mrkdwn", []string{"bot", "bot/blockkit", "onboarding"}, slack},

	// The transport.
	{"bot", []string{"bot/blockkit", "bot/webapi", "internal/liveness", "internal/secret"},
		[]string{"postgres", "slack"}},
	{"bot/blockkit", nil, slack},
	{"bot/outbox",
		[]string{"bot", "bot/blockkit", "bot/webapi", "internal/jobs", "internal/locks", "internal/migrate"}, all},
	{"bot/webapi", nil, slack},

	// The domain.
	{"onboarding", []string{"onboarding/brand"}, nil},
	{"onboarding/store", []string{"internal/migrate", "onboarding"}, jobs},
	{"onboarding/service", []string{"onboarding", "onboarding/store"}, postgres},
	{"onboarding/engine",
		[]string{"internal/jobs", "internal/liveness", "internal/locks", "onboarding", "onboarding/store"}, jobs},
	{"onboarding/runbook", []string{"onboarding/...", "templates"}, postgres},
	{"onboarding/runbook/apply",
		[]string{"onboarding", "onboarding/dns", "onboarding/hosts", "onboarding/platform", "onboarding/probe",
			"onboarding/repo"}, nil},
	{"onboarding/runbook/settings",
		[]string{"onboarding", "onboarding/certificates", "onboarding/dns", "onboarding/hosts", "onboarding/mail",
			"onboarding/platform", "onboarding/probe", "onboarding/repo"}, nil},
	{"onboarding/runbook/tenantcheck", []string{"onboarding", "onboarding/platform"}, nil},

	// The proof of isolation, which knows neither the domain nor Slack.
	{"onboarding/isolation",
		[]string{"onboarding/isolation/checks", "onboarding/isolation/query", "onboarding/isolation/results",
			"onboarding/isolation/session", "onboarding/isolation/tenancy"}, postgres},
	{"onboarding/isolation/checks",
		[]string{"onboarding/isolation/catalog", "onboarding/isolation/query", "onboarding/isolation/results",
			"onboarding/isolation/session", "onboarding/isolation/tenancy"}, postgres},
	{"onboarding/isolation/session", []string{"onboarding/isolation/query", "onboarding/isolation/tenancy"}, postgres},
	{"onboarding/isolation/tenancy", []string{"onboarding/isolation/catalog", "onboarding/isolation/query"}, postgres},
	{"onboarding/isolation/catalog", []string{"onboarding/isolation/query"}, postgres},
	{"onboarding/isolation/query", nil, postgres},
	{"onboarding/isolation/results", nil, nil},
	{"onboarding/isolation/reports",
		[]string{"onboarding", "onboarding/isolation", "onboarding/platform", "internal/jobs", "internal/locks",
			"internal/migrate", "internal/schedule", "internal/secret", "internal/ticker"}, jobs},

	// The parts that steps work with.
	{"onboarding/brand", []string{"internal/canvas", "templates"}, nil},
	{"onboarding/certificates", []string{"onboarding/dns", "onboarding/probe", "internal/schedule"}, nil},
	{"onboarding/certificates/certbot", []string{"onboarding/certificates", "onboarding/hosts"}, nil},
	{"onboarding/certificates/renewalinfo", []string{"onboarding/certificates"}, nil},
	{"onboarding/certificates/sweep",
		[]string{"onboarding/certificates", "onboarding/certificates/certbot", "onboarding/certificates/renewalinfo",
			"onboarding/dns", "onboarding/probe"}, nil},
	{"onboarding/certificates/sweep/sweeptest",
		[]string{"onboarding/certificates", "onboarding/certificates/certbot", "onboarding/probe",
			"onboarding/probe/probetest"}, nil},
	{"onboarding/certificates/renewal",
		[]string{"onboarding/certificates", "onboarding/certificates/certbot", "onboarding/certificates/sweep",
			"onboarding/dns", "onboarding/probe"}, nil},
	{"onboarding/certificates/timeline",
		[]string{"onboarding/certificates", "onboarding/probe", "internal/canvas"}, nil},
	{"onboarding/certificates/watch",
		[]string{"onboarding/certificates", "onboarding/certificates/sweep", "internal/jobs", "internal/locks",
			"internal/migrate", "internal/ticker"},
		jobs},
	{"onboarding/deployconfig", nil, nil},
	{"onboarding/dns", []string{"internal/secret"}, nil},
	{"onboarding/hosts", nil, nil},
	{"onboarding/inputs", nil, nil},
	{"onboarding/mail", []string{"onboarding/dns"}, nil},
	{"onboarding/platform", []string{"onboarding", "internal/secret"}, postgres},
	{"onboarding/probe", nil, nil},
	{"onboarding/probe/probetest", nil, nil},
	{"onboarding/repo", []string{"onboarding/hosts"}, nil},
	{"templates", nil, nil},

	// What all of them stand on.
	{"internal/canvas", nil, nil},
	{"internal/health", nil, nil},
	{"internal/jobs", nil, jobs},
	{"internal/liveness", []string{"internal/locks"}, postgres},
	{"internal/locks", nil, postgres},
	{"internal/migrate", []string{"internal/locks"}, postgres},
	{"internal/schedule", nil, nil},
	{"internal/ticker", []string{"internal/schedule"}, postgres},
	{"internal/secret", nil, nil},

	// Tests, the demo and tools: no other package imports them.
	{"internal/acceptance", nil, nil},
	{"internal/arrows", nil, nil},
	{"internal/documents", nil, nil},
	{"internal/sandbox/slacktest", []string{"internal/sandbox/...", "internal/migrate"}, jobs},
	{"internal/sandbox/golden", []string{"bot/blockkit", "bot/outbox", "internal/sandbox/..."}, slack},
	{"internal/sandbox/...", []string{"internal/sandbox/...", "templates"}, postgres},
	{"internal/tools/...", []string{"internal/tools/..."}, nil},
}

func TestArrowsRunDownwards(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		imports := strings.Fields(line)
		pkg := local(imports[0])
		r, known := ruleFor(pkg)
		if !known {
			t.Errorf("%s is not in the rules: say there what it may import", pkg)
			continue
		}
		used[r.pattern] = true
		for _, imported := range imports[1:] {
			if strings.HasPrefix(imported, module) && !r.allows(local(imported)) {
				t.Errorf("%s must not import %s", pkg, local(imported))
			}
			if library := guard(imported); library != "" && !slices.Contains(r.outside, library) {
				t.Errorf("%s must not import %s", pkg, imported)
			}
		}
	}
	for _, r := range rules {
		if !used[r.pattern] {
			t.Errorf("no package matches %s: remove the rule", r.pattern)
		}
	}
}

// local returns a package's path in the module.
func local(pkg string) string {
	if pkg == module {
		return "."
	}
	return strings.TrimPrefix(pkg, module+"/")
}

// matches reports whether a package is what a pattern means.
func matches(pattern, pkg string) bool {
	above, open := strings.CutSuffix(pattern, "/...")
	return pkg == above || open && strings.HasPrefix(pkg, above+"/")
}

// ruleFor returns the rule with the longest pattern that matches.
func ruleFor(pkg string) (best rule, known bool) {
	for _, r := range rules {
		if matches(r.pattern, pkg) && len(r.pattern) >= len(best.pattern) {
			best, known = r, true
		}
	}
	return best, known
}

func (r rule) allows(imported string) bool {
	return slices.ContainsFunc(r.imports, func(pattern string) bool { return matches(pattern, imported) })
}

// guard returns the guarded library that a package belongs to, or nothing.
func guard(pkg string) string {
	for library, paths := range guarded {
		for _, path := range paths {
			if strings.HasPrefix(pkg, path) {
				return library
			}
		}
	}
	return ""
}
