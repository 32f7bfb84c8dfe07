package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// TestIsolationReports waits for scheduled reports: sound at first, a leak once row-level security
// is off, the same leak again, and sound once it is on again. Two operators accept a risk. It also
// requests a report.
func TestIsolationReports(t *testing.T) {
	s := open(t, testbed.Config{Bot: func(settings *testbed.Settings) { settings.Reports = "*/3 * * * * *" }})
	green := s.waitReport("", "No tenant can reach another tenant's rows", "6 tenants, 6 tables",
		"This is the first report.")
	if strings.Contains(testbed.Reads(green), "requested by") || strings.Contains(testbed.Reads(green), "@") {
		t.Errorf("a quiet line says\n%s", testbed.Reads(green))
	}
	s.checkAttachment(green, "SOUND")

	s.betweenReports(`ALTER TABLE bookings DISABLE ROW LEVEL SECURITY`)
	red := s.waitReport(green.TS, "🚨", "Tenants can reach each other's rows", "4 leaks proven",
		"new leak: read of public.bookings", "4 new, 0 fixed, 0 unchanged")
	for _, who := range []string{testbed.Ana, testbed.Bo, testbed.Cleo} {
		if !strings.Contains(string(red.Blocks), "@"+who) {
			t.Errorf("%s is not mentioned in\n%s", who, red.Blocks)
		}
	}
	s.checkAttachment(red, "LEAK: read public.bookings", "fix, not tried:", "New:")
	still := s.waitReport(red.TS, "0 new, 0 fixed, 4 unchanged", "leak: read of public.bookings")

	s.betweenReports(`ALTER TABLE bookings ENABLE ROW LEVEL SECURITY`)
	mended := s.waitReport(still.TS, "✅", "No tenant can reach another tenant's rows", "0 new, 4 fixed, 0 unchanged",
		"Fixed:", "read of", "public.bookings")
	s.waitReport(mended.TS, "No tenant can reach another tenant's rows", "No change since")
	s.acceptsARisk(mended.TS)

	typed, err := s.Person(testbed.Ana).Type(s.within(10*time.Second), testbed.Channel, "/isolation-report cocotte")
	s.must(err)
	if typed.Message == nil || !typed.Message.Ephemeral ||
		!strings.Contains(testbed.Reads(*typed.Message), "`cocotte` and all others try") {
		t.Errorf("the answer is %+v", typed)
	}
	s.waitReport(mended.TS, "No tenant can reach another tenant's rows (cocotte against all others)", "requested by")
	for who, typed := range map[string][2]string{
		testbed.Gus: {"", "You cannot do this: guests are not allowed to."},
		testbed.Bo:  {" cocotte and more", "`/isolation-report merche-biche` for one tenant against all others"},
	} {
		answer, err := s.Person(who).Type(s.within(10*time.Second), testbed.Channel, "/isolation-report"+typed[0])
		s.must(err)
		if answer.Message == nil || !answer.Message.Ephemeral ||
			!strings.Contains(testbed.Reads(*answer.Message), typed[1]) {
			t.Errorf("%s reads %+v", who, answer.Message)
		}
	}
	typed, err = s.Person(testbed.Bo).Type(s.within(10*time.Second), testbed.Channel, "/isolation-report nobody")
	s.must(err)
	if typed.Message == nil || !typed.Message.Ephemeral ||
		!strings.Contains(testbed.Reads(*typed.Message), "The platform has no tenant `nobody`") {
		t.Errorf("the answer is %+v", typed)
	}
	s.must(s.Person(testbed.Ana).OpenHome(t.Context()))
	home, err := s.Person(testbed.Ana).Home(s.within(10 * time.Second))
	s.must(err)
	_, err = home.Wait(s.within(10*time.Second), func(m workspace.Modal) bool {
		return strings.Contains(m.Render(200, nil), "No tenant can reach another tenant's rows")
	})
	s.must(err)
	ticks := s.countInBotDatabase(`SELECT count(*) - count(DISTINCT tick) FROM onboarding.isolation_reports
		WHERE tick IS NOT NULL`)
	if ticks != 0 {
		t.Errorf("%d ticks have more than one report", ticks)
	}
	for _, line := range []string{`onboarding_isolation_findings{kind="leak"} 0`, `onboarding_isolation_unchecked 0`,
		`onboarding_isolation_report_timestamp_seconds 1.`} {
		if metrics := s.get("http://127.0.0.1:8080/metrics"); !strings.Contains(metrics, line) {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
}

// acceptsARisk makes a risk that Ana asks to accept and Bo accepts. The reports after that are quiet,
// until it is withdrawn.
func (s *harness) acceptsARisk(after string) {
	s.t.Helper()
	s.betweenReports(`GRANT TRIGGER ON bookings TO platform_app`)
	yellow := s.waitReport(after, "No leak was proven, 1 risk", "Risk: trigger of", "[Accept this risk…]")
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, yellow, "Accept this risk…"))
	form, err := s.Person(testbed.Ana).Modal(s.within(10 * time.Second))
	s.must(err)
	_, err = form.Fill(s.within(10*time.Second), "Why can it be accepted?", "no trigger can be sent")
	s.must(err)
	out, err := form.Submit(s.within(10 * time.Second))
	s.must(err)
	if !out.Closed {
		s.t.Fatalf("the form stays open: %+v", out)
	}
	s.must(s.Press(s.within(10*time.Second), testbed.Bo,
		s.reads(yellow, "Accept this risk?", "no trigger can be sent", "[Accept]"), "Accept"))
	accepted := s.reads(yellow, "Risk accepted until", "[Withdraw…]")
	quiet := s.waitReport(yellow.TS, "✅ No tenant can reach another tenant's rows", "1 accepted risk")
	s.checkAttachment(quiet, "Accepted risks:", "trigger of public.bookings")
	if verified := s.run(0, "audit", "verify", "-config", s.ConfigFile); verified == "" {
		s.t.Error("audit verify says nothing")
	}
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, accepted, "Withdraw…"))
	again := s.waitReport(quiet.TS, "No leak was proven, 1 risk", "1 new")
	s.betweenReports(`REVOKE TRIGGER ON bookings FROM platform_app`)
	s.waitReport(again.TS, "No tenant can reach another tenant's rows")
}

// TestALeakKeepsASiteFromGoingLive makes a leak before a run. The other steps go on. There is no
// approval request for going live until the leak is fixed.
func TestALeakKeepsASiteFromGoingLive(t *testing.T) {
	s := open(t, testbed.Config{})
	s.platform(`ALTER TABLE bookings DISABLE ROW LEVEL SECURITY`)
	root := s.ask(testbed.Merche)
	s.approve(root, "Database rows")
	leak := s.reads(root, "Isolation from all others", "failed", "leak: insert of public.bookings", "[Retry]")
	for _, step := range []string{"DNS of", "Deploy config of", "Deploy", "Certificate of", "Sync nginx conf of"} {
		s.approve(root, step+" merche-biche.com")
	}
	s.reads(root, "Sync nginx conf of merche-biche.com: done")
	_, err := s.Root(s.within(10*time.Second), testbed.Bo, root, "🔴", "Isolation from all others", "7 of 10 steps")
	s.must(err)
	asked := s.countInBotDatabase(`SELECT count(*) FROM onboarding.approvals WHERE step LIKE 'go-live/%'`)
	if asked != 0 {
		t.Errorf("asked %d times whether a tenant goes live whose rows others reach", asked)
	}
	s.platform(`ALTER TABLE bookings ENABLE ROW LEVEL SECURITY`)
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, leak, "Retry"))
	s.approve(root, "Go live with merche-biche.com")
	_, err = s.Root(s.within(20*time.Second), testbed.Bo, root, "🟢")
	s.must(err)
}

// betweenReports runs a statement on the platform while no check is in progress: one that had begun
// would see its effect in part.
func (s *harness) betweenReports(statement string) {
	s.t.Helper()
	config, err := pgx.ParseConfig(s.BotDSN())
	s.must(err)
	session, err := locks.Dial(s.t.Context(), config)
	s.must(err)
	defer session.Close()
	s.must(session.Lock(s.within(time.Minute), locks.Named("isolation")))
	s.platform(statement)
}

// waitReport waits for a report in the channel after another message that contains all the words.
func (s *harness) waitReport(after string, words ...string) workspace.Message {
	s.t.Helper()
	found, err := s.Person(testbed.Bo).WaitMessage(s.within(60*time.Second), testbed.Channel,
		func(m workspace.Message) bool {
			return m.TS > after && m.ThreadTS == "" && !m.Ephemeral && testbed.ContainsAll(testbed.Reads(m), words)
		})
	s.must(err)
	return found
}

// checkAttachment waits for the file in a report's thread that contains all the words.
func (s *harness) checkAttachment(report workspace.Message, words ...string) {
	s.t.Helper()
	_, err := s.Person(testbed.Bo).WaitFor(s.within(30*time.Second), func(screen workspace.Screen) bool {
		return slices.ContainsFunc(testbed.Thread(screen, report), func(m workspace.Message) bool {
			return len(m.Files) == 1 && testbed.ContainsAll(string(m.Files[0].Data), words)
		})
	})
	s.must(err)
}

// platform runs SQL in the platform's database as its superuser.
func (s *harness) platform(sql string) {
	s.t.Helper()
	conn := s.admin()
	defer conn.Close(context.Background())
	_, err := conn.Exec(s.t.Context(), sql)
	s.must(err)
}

// TestIsolationCommand runs the subcommand isolation with minimal configuration files.
func TestIsolationCommand(t *testing.T) {
	s := open(t, testbed.Config{})
	file := func(lines ...string) string {
		path := filepath.Join(t.TempDir(), "config.yaml")
		s.must(os.WriteFile(path, []byte("platform:\n  "+strings.Join(lines, "\n  ")+"\n"), 0o600))
		return path
	}
	minimal := file("database_url: "+s.AuditorDSN(), "app_database_url: "+s.AppDSN(), "app_role: platform_app")
	login := file("database_url: "+s.AuditorDSN(), "app_database_url: "+s.AppDSN(), "app_role: platform_app",
		"settings:", "  user: app.user_id", "  org: app.org_id")
	s.isolation(0, isolation.Sound, "-config", minimal)
	s.isolation(0, isolation.Sound, "-config", login, "-tenant", "cocotte")
	s.isolation(0, isolation.Sound, "-config", s.ConfigFile)
	s.isolation(2, isolation.Incomplete, "-config", minimal, "-tenant", "nobody")
	for _, insufficient := range [][]string{
		{"database_url: " + s.PlatformDSN(), "app_database_url: " + s.AppDSN()},
		{"database_url: " + s.AdminDSN(), "app_database_url: " + s.AppDSN()},
		{"database_url: " + s.AuditorDSN(), "app_database_url: " + s.PlatformDSN()},
		{"database_url: " + s.AuditorDSN()},
	} {
		s.isolation(2, isolation.Incomplete, "-config", file(append(insufficient, "app_role: platform_app")...))
	}
	s.isolation(2, isolation.Incomplete, "-config",
		file("database_url: postgres://nobody@127.0.0.1:9/nothing", "app_role: platform_app"))
	s.isolation(2, "", "-config", file("database_url: "+s.AdminDSN()))
	s.isolation(2, "", "-config", file("database_url: "+s.AdminDSN(), "app_role: platform_app", "app_rol: x"))
	s.platform(`DROP POLICY tenant ON inbox_messages;
		CREATE POLICY tenant ON inbox_messages TO platform_app USING (true)`)
	s.isolation(1, isolation.Leaking, "-config", minimal)
	s.isolation(1, isolation.Leaking, "-config", login, "-tenant", "cocotte")
	text := s.run(1, "isolation", "-config", minimal)
	if !testbed.ContainsAll(text, []string{"LEAK", "public.inbox_messages", "CREATE POLICY"}) {
		t.Errorf("the text says\n%s", text)
	}
}

// isolation runs the subcommand and checks its exit status and its verdict. The verdict is empty
// if nothing is printed.
func (s *harness) isolation(status int, verdict isolation.Verdict, args ...string) {
	s.t.Helper()
	out := s.run(status, append([]string{"isolation", "-format", "json"}, args...)...)
	if verdict == "" && out == "" {
		return
	}
	var report struct {
		Verdict  isolation.Verdict
		Findings []map[string]string
		Coverage map[string]any
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil || report.Verdict != verdict ||
		report.Coverage == nil || report.Findings == nil {
		s.t.Errorf("%q: %v, not %s:\n%s", args, err, verdict, out)
	}
	for _, finding := range report.Findings {
		for _, key := range []string{"kind", "operation", "table", "as", "evidence", "fix"} {
			if finding[key] == "" {
				s.t.Errorf("%q: a finding has no %s: %v", args, key, finding)
			}
		}
	}
}

// run runs the product with arguments, checks its exit status and returns its output.
func (s *harness) run(status int, args ...string) string {
	s.t.Helper()
	executable, err := os.Executable()
	s.must(err)
	cmd := exec.CommandContext(s.within(60*time.Second), executable, args...)
	cmd.Env = append(os.Environ(), asProduct)
	var out, wrong bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &wrong
	err = cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	if got := cmd.ProcessState.ExitCode(); got != status {
		s.t.Errorf("%q: exit status %d, not %d:\n%s%s", args, got, status, out.String(), wrong.String())
	}
	return out.String()
}

// countInBotDatabase returns the number that a query of the bot's own database returns.
func (s *harness) countInBotDatabase(query string) (number int) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.BotDSN())
	s.must(err)
	defer conn.Close(context.Background())
	s.must(conn.QueryRow(s.t.Context(), query).Scan(&number))
	return number
}

// get returns the body of a response.
func (s *harness) get(url string) string {
	s.t.Helper()
	response, err := http.Get(url)
	s.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	s.must(err)
	return string(body)
}
