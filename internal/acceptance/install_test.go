package acceptance

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/cli"
	"github.com/atlilith/onboardbot/internal/sandbox/platform"
	"github.com/atlilith/onboardbot/internal/sandbox/postgres"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestInstall runs the SQL of docs/install.md unchanged in psql. The roles that it creates are
// sufficient for a check, a run and its undo.
func TestInstall(t *testing.T) {
	s := openIdle(t)
	text, err := os.ReadFile("../../docs/install.md")
	s.must(err)
	var statements []string
	for _, block := range regexp.MustCompile("(?s)\n```sql\n(.*?)\n```\n").FindAllStringSubmatch(string(text), -1) {
		statements = append(statements, block[1])
	}
	if len(statements) != 5 {
		t.Fatalf("%d blocks of SQL, not those of the bot's database, its owner, of runs, of undo and of isolation",
			len(statements))
	}
	s.psql(postgres.Superuser, "DROP DATABASE onboardbot; \nDROP ROLE onboardbot;\n"+statements[0]+statements[1])
	s.psql(platform.Database, strings.Join(statements[2:], "\n"))
	config := strings.NewReplacer(platform.Onboarder+"@/", "onboardbot_platform@/", platform.Auditor+"@/",
		"onboardbot_auditor@/").Replace(s.config)
	config = regexp.MustCompile(`(?m)^  url: (.*)onboardbot@(.*)$`).ReplaceAllString(config,
		"$0\n  owner_url: ${1}onboardbot_owner@$2")
	report, code := s.check(config)
	if code != cli.OK {
		t.Errorf("check ends with %d, %q", code, lines(report))
	}
	s.must(os.WriteFile(s.ConfigFile, []byte(config), 0o600))
	s.start()
	t.Cleanup(func() {
		if t.Failed() {
			s.dump()
		}
		s.must(s.bot.Stop())
	})
	root := s.ask(testbed.Inputs{Slug: "merche-biche", Name: "Merche Biche", Email: "merche@example.com",
		Mode: "Person + owns Org", OrgSlug: "merche-collective", OrgName: "Merche Collective"})
	s.finish(root)
	asked, err := s.Person(testbed.Ana).Type(s.within(10*time.Second), testbed.Channel, "/onboard undo merche-biche")
	s.must(err)
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, *asked.Message, "Undo, keep certificates"))
	undo, err := s.Person(testbed.Ana).WaitMessage(s.within(20*time.Second), testbed.Channel,
		func(m workspace.Message) bool {
			return m.TS != root.TS && m.ThreadTS == "" && m.FromApp && !m.Ephemeral &&
				strings.Contains(testbed.Reads(m), "Merche Biche")
		})
	s.must(err)
	for _, step := range []string{"Disable", "Take back the deploy config", "Take back the DNS",
		"Take back the database rows"} {
		s.approve(undo, step)
	}
	s.reads(undo, "is undone")
	if report, code = s.check(config); !strings.HasPrefix(s.seen(report, "audit trail"), "ok another role owns it") {
		t.Errorf("check ends with %d, %q", code, lines(report))
	}
	var verified strings.Builder
	if cli.Run(t.Context(), &verified, []string{"audit", "verify", "-config", s.ConfigFile}) != cli.OK {
		t.Errorf("audit verify: %s", verified.String())
	}
	left := s.count(`SELECT (SELECT count(*) FROM users WHERE slug = 'merche-biche')
		+ (SELECT count(*) FROM orgs WHERE slug = 'merche-collective')`)
	if left != 0 {
		t.Errorf("%d rows are left after the undo", left)
	}
}

// psql runs SQL as the superuser.
func (s *idle) psql(database, sql string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1", s.Postgres.DSN(database))
	cmd.Stdin = strings.NewReader(sql)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, out)
	}
}
