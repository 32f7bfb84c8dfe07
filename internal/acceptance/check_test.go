package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/cli"
	"github.com/atlilith/onboardbot/internal/doctor"
	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestCheck runs check in a sandbox without faults, and then with each fault of the configuration,
// the workspace and the databases.
func TestCheck(t *testing.T) {
	s := openIdle(t)
	report, code := s.check(s.config)
	if code != cli.OK || !report.OK {
		t.Fatalf("%d, %+v", code, report)
	}
	for _, name := range []string{"slack bot token", "slack scopes", "slack's clock", "channel C0OPS",
		"operators U0ANA", "approvers U0BO", "second operator",
		"messages and views", "slack app token", "own database", "own rights", "own tables", "audit trail",
		"own database's clock", "isolation checks", "platform database", "database grants", "ssh",
		"host apricot", "repository", "host vps-0", "nginx on vps-0", "certbot on vps-0",
		"DNS updates", "provider-portal"} {
		if !slices.ContainsFunc(report.Findings,
			func(f onboarding.Finding) bool { return f.Name == name && f.Level == onboarding.OK }) {
			t.Errorf("%s was not looked at: %+v", name, report.Findings)
		}
	}
	if seen := s.seen(report, "own tables"); !strings.HasPrefix(seen, "ok the next start applies") {
		t.Errorf("before the first start: %s", seen)
	}
	if s.called("chat.postMessage") > 0 {
		t.Error("something was posted")
	}

	// Another workspace in the same sandbox, where the app was installed with an old manifest.
	old := s.workspace(func(config *workspace.Config) {
		config.App.Scopes = []string{"commands", "chat:write", "users:read", "users:read.email", "usergroups:read",
			"channels:read", "groups:read"}
		config.UserGroups = append(config.UserGroups,
			workspace.UserGroup{ID: "S0GONE", Name: "Gone", Handle: "gone",
				Users: []string{workspace.Ana}, Disabled: true},
			workspace.UserGroup{ID: "S0MIXED", Name: "Mixed", Handle: "mixed",
				Users: []string{workspace.Bo, workspace.Gus}},
			workspace.UserGroup{ID: "S0OPEN", Name: "Open", Handle: "open",
				Users: []string{workspace.Bo, workspace.Cleo}, UpdatedBy: workspace.Bo})
		config.UnsupportedBlocks = []string{"plan"}
	})
	s.execInBotDatabase("CREATE SCHEMA theirs")
	s.platform("CREATE ROLE half LOGIN BYPASSRLS; CREATE ROLE blind LOGIN BYPASSRLS; GRANT platform_app TO half")
	auditor := "isolation:\n  database_url: " + s.AuditorDSN()
	// Faults that do not hide each other share a check, to save time.
	for name, c := range map[string]struct {
		changes [][2]string // of the configuration
		want    []string
	}{
		"no entry anywhere": {
			[][2]string{{workspace.SampleBotToken, "xoxb-other"}, {workspace.SampleAppToken, "xapp-other"},
				{"onboardbot@/onboardbot", "onboardbot@/nowhere"}, {"ssh: quinn-vps", "ssh: nobody-knows"}},
			[]string{"failed slack bot token: auth.test: slack refuses the app or its tokens",
				"failed slack app token: apps.connections.open: slack refuses",
				`failed own database: database "nowhere" does not exist`, "failed host vps-0: "}},
		"no Slack": {[][2]string{{s.api, "http://127.0.0.1:9/api/"}},
			[]string{"failed slack bot token: ", "failed slack app token: "}},
		"places and people": {
			[][2]string{{"channels: [C0OPS]", "channels: [C0GENERAL, G0SECRET, C0ARCHIVE, C0NONE, G0BOARD]"},
				{"operators: [U0ANA, U0BO, U0CLEO]",
					"operators: [U0GUS, U0SOLO, U0FAY, U0GONE, U0ROBOT, U0NOBODY, S0NONE, S0OPS]"},
				{"platform:\n", "  connections: 4000\nplatform:\n"}, {"dir: " + s.Repo.Repo, "dir: /nowhere"}},
			[]string{"failed channel C0GENERAL: the bot is not in #general",
				"failed channel G0SECRET: channel G0SECRET: channel not found",
				"failed channel C0ARCHIVE: #archive is archived",
				"failed channel C0NONE: channel C0NONE: channel not found", "ok channel G0BOARD: the bot is in #board",
				"failed operators U0GUS: U0GUS is a guest", "failed operators U0SOLO: U0SOLO is a guest",
				"failed operators U0FAY: U0FAY belongs to another workspace",
				"failed operators U0GONE: U0GONE is deactivated", "failed operators U0ROBOT: U0ROBOT is an app",
				"failed operators U0NOBODY: U0NOBODY is not known",
				"failed operators S0NONE: user group S0NONE", "ok operators S0OPS: ana, bo",
				"failed own connections: one replica may open 4000", "failed repository: "}},
		"what may be meant so": {
			[][2]string{{"channels: [C0OPS]", "channels: []"},
				{"platform:\n", "certificates: {channel: C0BOARD}\nplatform:\n"},
				{"approvers: [U0ANA, U0BO, U0CLEO]", "approvers: [U0ANA]"}},
			[]string{"warning channels: none are configured",
				"failed channel C0BOARD: channel C0BOARD: channel not found",
				"warning second operator: requests of U0ANA could not be approved"}},
		"too many votes": {
			[][2]string{{"rules: {}", "rules: {certificate: {approvers: 3}}"},
				{"platform:\n", "  schema: theirs\nplatform:\n"}},
			[]string{"failed second operator: nobody's request could be approved: approvers needed besides the " +
				"requester: 3; people who may approve: 3",
				"failed own rights: onboardbot may not make tables in the schema theirs"}},
		"no auditor": {
			[][2]string{{auditor, "isolation:"}},
			[]string{"failed isolation checks: isolation.database_url is missing, and platform.database_url is not " +
				"enough: database_url: its role has no BYPASSRLS"}},
		"no login of the application": {
			[][2]string{{"  app_database_url: " + s.AppDSN() + "\n", ""}},
			[]string{"failed isolation checks: app_database_url: missing: isolation is checked in sessions that " +
				"log in"}},
		"a superuser as auditor": {
			[][2]string{{auditor, "isolation:\n  database_url: " + s.AdminDSN()}},
			[]string{"failed isolation checks: database_url: its role is a superuser"}},
		"an auditor of another database": {
			[][2]string{{auditor, strings.Replace(auditor, "@/platform", "@/nowhere", 1)}},
			[]string{`failed isolation checks: database "nowhere" does not exist`}},
		"an auditor who may act as the application": {
			[][2]string{{auditor, strings.Replace(auditor, "platform_auditor@", "half@", 1)}},
			[]string{`failed isolation checks: database_url: its role is a member of app_role: ` +
				`REVOKE "platform_app" FROM "half"`}},
		"an auditor who may not look": {
			[][2]string{{auditor, strings.Replace(auditor, "platform_auditor@", "blind@", 1)}},
			[]string{"failed isolation checks: permission denied for "}},
		"an old installation": {
			[][2]string{{s.api, old}, {"operators: [U0ANA, U0BO, U0CLEO]", "operators: [S0OPS, S0GONE, S0MIXED]"},
				{"approvers: [U0ANA, U0BO, U0CLEO]", "approvers: [S0OPEN, S0OPS]"}},
			[]string{"failed slack scopes: missing: channels:history, files:read, files:write, groups:history, " +
				"im:history, im:write",
				"warning messages and views: this workspace does not accept all newer blocks",
				"ok operators S0OPS: ana, bo",
				"failed operators S0GONE: user group S0GONE: usergroups.users.list: no_such_subteam",
				"warning operators S0MIXED: bo, but U0GUS is a guest",
				"warning approvers S0OPEN: bo, cleo, but any member may edit this user group and so become an " +
					"approver: U0BO, who is no admin, did so last", "ok approvers S0OPS: ana, bo"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := s.in(t)
			config := s.config
			for _, change := range c.changes {
				if !strings.Contains(config, change[0]) {
					t.Fatalf("%q is not in the configuration:\n%s", change[0], config)
				}
				config = strings.Replace(config, change[0], change[1], 1)
			}
			report, code := s.check(config)
			failed := slices.ContainsFunc(c.want, func(w string) bool { return strings.HasPrefix(w, "failed") })
			if (code == cli.Failed) != failed || report.OK == failed {
				t.Errorf("exit status %d, ok %t", code, report.OK)
			}
			for _, want := range c.want {
				if !slices.ContainsFunc(lines(report),
					func(line string) bool { return strings.HasPrefix(line, want) }) {
					t.Errorf("want %q, got %q", want, lines(report))
				}
			}
			if name == "no Slack" {
				for _, finding := range report.Findings[:2] {
					if finding.Fix != "Check that this machine can connect to slack.api_url." {
						t.Errorf("%s is mended by %q", finding.Name, finding.Fix)
					}
				}
			}
			for _, finding := range report.Findings {
				if (finding.Level == onboarding.OK) != (finding.Fix == "") {
					t.Errorf("%s %s with the fix %q", finding.Level, finding.Name, finding.Fix)
				}
			}
		})
	}

	s.refused()
	s.throttled()
	s.commandLine()
}

// refused checks against a workspace that does not accept all documented blocks.
func (s *idle) refused() {
	s.t.Helper()
	s.must(s.Slack.Order(s.t.Context(), workspace.Fault{Kind: workspace.FaultUnsupported, Reason: "context"}))
	report, code := s.check(s.config)
	s.must(s.Slack.Order(s.t.Context(),
		workspace.Fault{Kind: workspace.FaultUnsupported, Reason: "context", Times: -1}))
	if code != cli.Failed || !slices.ContainsFunc(lines(report), func(line string) bool {
		return strings.HasPrefix(line, "failed thread/") && strings.Contains(line, "unsupported type: context")
	}) {
		s.t.Errorf("without context blocks: %d, %q", code, lines(report))
	}
}

// throttled checks against a workspace that limits the rate until the check's time is over.
func (s *idle) throttled() {
	s.t.Helper()
	s.must(s.Slack.Order(s.t.Context(),
		workspace.Fault{Kind: workspace.FaultRateLimit, Method: "blocks.validate", RetryAfter: time.Minute, Times: 4}))
	out, code := s.run("check", "-timeout", "4s", "-config", s.ConfigFile)
	if code != cli.Failed {
		s.t.Errorf("exit status %d", code)
	}
	for _, want := range []string{"LEVEL    WHAT", "\nok       slack bot token", "\nFAILED   messages and views",
		" when the time ran out\n", "→ Run the check with a longer -timeout.\n", " 1 failed, in 4."} {
		if !strings.Contains(out, want) {
			s.t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func (s *idle) commandLine() {
	s.t.Helper()
	for _, args := range [][]string{{"-format", "xml", "-config", s.ConfigFile}, {"-config", "/nowhere"},
		{"-timeout", "soon"}, {"more"}} {
		if _, code := s.run(append([]string{"check"}, args...)...); code != cli.Usage {
			s.t.Errorf("%q: exit status %d", args, code)
		}
	}
}

// idle is a testbed in which the product does not run.
type idle struct {
	*harness
	config, api string
}

// openIdle starts a testbed without the product.
func openIdle(t *testing.T) *idle {
	t.Helper()
	// Slack's rate limits allow one check in a minute or two, and the test runs twenty.
	config := testbed.Config{Workspace: func(config *workspace.Config) { config.Rates.Off = true }}
	config.World.Quick = true
	set := openBed(t, config)
	text, err := os.ReadFile(set.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "api_url: ")
	api, _, _ := strings.Cut(rest, "\n")
	return &idle{harness: &harness{Testbed: set, t: t}, config: string(text), api: api}
}

func (s *idle) in(t *testing.T) *idle {
	inside := *s
	inside.harness = &harness{Testbed: s.Testbed, t: t}
	return &inside
}

func (s *idle) write(config string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "config.yaml")
	s.must(os.WriteFile(path, []byte(config), 0o600))
	return path
}

func (s *idle) run(args ...string) (out string, code int) {
	s.t.Helper()
	var buffer bytes.Buffer
	code = cli.Run(s.t.Context(), &buffer, args)
	return buffer.String(), code
}

// check runs the subcommand with a configuration.
func (s *idle) check(config string, args ...string) (doctor.Report, int) {
	s.t.Helper()
	out, code := s.run(append([]string{"check", "-timeout", "20s", "-format", "json", "-config", s.write(config)},
		args...)...)
	var report doctor.Report
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		s.t.Fatalf("%d, %v: %s", code, err, out)
	}
	return report, code
}

// workspace opens another workspace and returns the URL of its Web API.
func (s *idle) workspace(change func(*workspace.Config)) string {
	s.t.Helper()
	config := workspace.Sample()
	config.Rates.Off = true
	change(&config)
	other, err := workspace.New(config)
	s.must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	server := &http.Server{Handler: other.Handler(), ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(listener) }()
	s.t.Cleanup(func() {
		_ = server.Close()
		other.Close()
	})
	return "http://" + listener.Addr().String() + "/api/"
}

// execInBotDatabase runs a statement as the superuser in the bot's own database.
func (s *idle) execInBotDatabase(statement string) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.Postgres.DSN(sandbox.Database))
	s.must(err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(s.t.Context(), statement)
	s.must(err)
}

// called counts the calls of a Web API method.
func (s *idle) called(method string) int {
	s.t.Helper()
	events, err := s.Slack.Transcript(s.t.Context(), 0)
	s.must(err)
	return len(slices.DeleteFunc(events,
		func(e workspace.Event) bool { return e.Kind != workspace.KindAPI || e.Name != method }))
}

// seen returns the level and the detail of one finding.
func (s *idle) seen(report doctor.Report, name string) string {
	for _, finding := range report.Findings {
		if finding.Name == name {
			return string(finding.Level) + " " + finding.Detail
		}
	}
	return ""
}

func lines(report doctor.Report) []string {
	var all []string
	for _, finding := range report.Findings {
		all = append(all, string(finding.Level)+" "+finding.Name+": "+finding.Detail)
	}
	return all
}
