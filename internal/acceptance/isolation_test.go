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

	"github.com/atlilith/onboardbot/internal/sandbox/stage"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// TestIsolationReports watches reports arrive on schedule: green, red once row-level security is
// off, red still, and green once it is on again; and one that somebody asks for.
func TestIsolationReports(t *testing.T) {
	s := open(t, stage.Config{Bot: func(settings *stage.Settings) { settings.Reports = "*/3 * * * * *" }})
	green := s.reported("", "No tenant can reach another tenant's rows", "6 tenants, 6 tables", "This is the first report.")
	if strings.Contains(stage.Reads(green), "requested by") || strings.Contains(stage.Reads(green), "@") {
		t.Errorf("a quiet line says\n%s", stage.Reads(green))
	}
	s.attached(green, "SOUND")

	s.platform(`ALTER TABLE bookings DISABLE ROW LEVEL SECURITY`)
	red := s.reported(green.TS, "🚨", "Tenants can reach each other's rows", "4 leaks proven",
		"new leak: read of public.bookings", "4 new, 0 fixed, 0 unchanged")
	for _, who := range []string{stage.Ana, stage.Bo, stage.Cleo} {
		if !strings.Contains(string(red.Blocks), "@"+who) {
			t.Errorf("%s is not mentioned in\n%s", who, red.Blocks)
		}
	}
	s.attached(red, "LEAK: read public.bookings", "fix:", "New:")
	still := s.reported(red.TS, "0 new, 0 fixed, 4 unchanged", "leak: read of public.bookings")

	s.platform(`ALTER TABLE bookings ENABLE ROW LEVEL SECURITY`)
	mended := s.reported(still.TS, "✅", "No tenant can reach another tenant's rows", "0 new, 4 fixed, 0 unchanged", "Fixed:",
		"read of", "public.bookings")
	s.reported(mended.TS, "No tenant can reach another tenant's rows", "No change since")

	typed, err := s.Person(stage.Ana).Type(s.within(10*time.Second), stage.Channel, "/isolation-report cocotte")
	s.must(err)
	if typed.Message == nil || !typed.Message.Ephemeral ||
		!strings.Contains(stage.Reads(*typed.Message), "`cocotte` and all others try") {
		t.Errorf("the answer is %+v", typed)
	}
	s.reported(mended.TS, "No tenant can reach another tenant's rows (cocotte against all others)", "requested by")
	for who, typed := range map[string][2]string{
		stage.Gus: {"", "You cannot do this: guests cannot do this."},
		stage.Bo:  {" cocotte and more", "`/isolation-report merche-biche` for one against all others"},
	} {
		answer, err := s.Person(who).Type(s.within(10*time.Second), stage.Channel, "/isolation-report"+typed[0])
		s.must(err)
		if answer.Message == nil || !answer.Message.Ephemeral ||
			!strings.Contains(stage.Reads(*answer.Message), typed[1]) {
			t.Errorf("%s reads %+v", who, answer.Message)
		}
	}
	typed, err = s.Person(stage.Bo).Type(s.within(10*time.Second), stage.Channel, "/isolation-report nobody")
	s.must(err)
	if typed.Message == nil || !typed.Message.Ephemeral ||
		!strings.Contains(stage.Reads(*typed.Message), "The platform has no tenant `nobody`") {
		t.Errorf("the answer is %+v", typed)
	}
	s.must(s.Person(stage.Ana).OpenHome(t.Context()))
	home, err := s.Person(stage.Ana).Home(s.within(10 * time.Second))
	s.must(err)
	_, err = home.Wait(s.within(10*time.Second), func(m workspace.Modal) bool {
		return strings.Contains(m.Render(200, nil), "No tenant can reach another tenant's rows")
	})
	s.must(err)
	ticks := s.own(`SELECT count(*) - count(DISTINCT tick) FROM onboarding.isolation_reports WHERE tick IS NOT NULL`)
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

// TestALeakKeepsASiteFromGoingLive meets a leak as soon as the new tenant is there: the other
// steps go on, going live is not even asked about, and is once the leak is mended.
func TestALeakKeepsASiteFromGoingLive(t *testing.T) {
	s := open(t, stage.Config{})
	s.platform(`ALTER TABLE bookings DISABLE ROW LEVEL SECURITY`)
	root := s.ask(stage.Merche)
	s.approve(root, "Database rows")
	leak := s.reads(root, "Isolation from all others", "failed", "leak: insert of public.bookings", "[Retry]")
	for _, step := range []string{"DNS of", "Deploy config of", "Deploy", "Certificate of", "Sync nginx conf of"} {
		s.approve(root, step+" merche-biche.com")
	}
	s.reads(root, "Sync nginx conf of merche-biche.com", ": done")
	_, err := s.Root(s.within(10*time.Second), stage.Bo, root, "🔴", "Isolation from all others", "7 of 10 steps")
	s.must(err)
	if asked := s.own(`SELECT count(*) FROM onboarding.approvals WHERE step LIKE 'go-live/%'`); asked != 0 {
		t.Errorf("asked %d times whether a tenant goes live whose rows others reach", asked)
	}
	s.platform(`ALTER TABLE bookings ENABLE ROW LEVEL SECURITY`)
	s.must(s.Press(s.within(10*time.Second), stage.Ana, leak, "Retry"))
	s.approve(root, "Go live with merche-biche.com")
	_, err = s.Root(s.within(20*time.Second), stage.Bo, root, "🟢")
	s.must(err)
}

// reported waits for a report in the channel with all the words in it that came after another
// message.
func (s *scene) reported(after string, words ...string) workspace.Message {
	s.t.Helper()
	found, err := s.Person(stage.Bo).WaitMessage(s.within(60*time.Second), stage.Channel,
		func(m workspace.Message) bool {
			return m.TS > after && m.ThreadTS == "" && !m.Ephemeral && stage.ContainsAll(stage.Reads(m), words)
		})
	s.must(err)
	return found
}

// attached waits for the file in a report's thread and looks for words in it.
func (s *scene) attached(report workspace.Message, words ...string) {
	s.t.Helper()
	_, err := s.Person(stage.Bo).WaitFor(s.within(30*time.Second), func(screen workspace.Screen) bool {
		return slices.ContainsFunc(stage.Thread(screen, report), func(m workspace.Message) bool {
			return len(m.Files) == 1 && stage.ContainsAll(string(m.Files[0].Data), words)
		})
	})
	s.must(err)
}

// platform runs SQL in the platform's database as its superuser.
func (s *scene) platform(sql string) {
	s.t.Helper()
	conn := s.admin()
	defer conn.Close(context.Background())
	_, err := conn.Exec(s.t.Context(), sql)
	s.must(err)
}

// TestIsolationCommand runs the subcommand as operators and timers do, with a file that says no
// more than it has to.
func TestIsolationCommand(t *testing.T) {
	s := open(t, stage.Config{})
	file := func(lines ...string) string {
		path := filepath.Join(t.TempDir(), "config.yaml")
		s.must(os.WriteFile(path, []byte("platform:\n  "+strings.Join(lines, "\n  ")+"\n"), 0o600))
		return path
	}
	minimal := file("database_url: "+s.AdminDSN(), "app_role: platform_app",
		"settings: {user: app.user_id, org: app.org_id}")
	login := file("database_url: "+s.AuditorDSN(), "app_database_url: "+s.AppDSN(), "app_role: platform_app",
		"settings:", "  user: app.user_id", "  org: app.org_id")
	s.isolation(0, isolation.Sound, "-config", minimal)
	s.isolation(0, isolation.Sound, "-config", login, "-tenant", "cocotte")
	s.isolation(0, isolation.Sound, "-config", s.ConfigFile)
	s.isolation(2, isolation.Incomplete, "-config", minimal, "-tenant", "nobody")
	s.isolation(2, isolation.Incomplete, "-config", file("database_url: "+s.PlatformDSN(), "app_role: platform_app"))
	s.isolation(2, isolation.Incomplete, "-config",
		file("database_url: postgres://nobody@127.0.0.1:9/nothing", "app_role: platform_app"))
	s.isolation(2, "", "-config", file("database_url: "+s.AdminDSN()))
	s.isolation(2, "", "-config", file("database_url: "+s.AdminDSN(), "app_role: platform_app", "app_rol: x"))
	s.platform(`DROP POLICY tenant ON inbox_messages;
		CREATE POLICY tenant ON inbox_messages TO platform_app USING (true)`)
	s.isolation(1, isolation.Leaking, "-config", minimal)
	s.isolation(1, isolation.Leaking, "-config", login, "-tenant", "cocotte")
	text := s.run(1, "isolation", "-config", minimal)
	if !stage.ContainsAll(text, []string{"LEAK", "public.inbox_messages", "CREATE POLICY"}) {
		t.Errorf("the text says\n%s", text)
	}
}

// isolation runs the subcommand and checks its exit status and its verdict, which is empty where
// nothing is printed.
func (s *scene) isolation(status int, verdict isolation.Verdict, args ...string) {
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

// run runs the product with other arguments, checks its exit status and returns what it printed.
func (s *scene) run(status int, args ...string) string {
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

// own returns a number from the bot's own database.
func (s *scene) own(query string) (number int) {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.BotDSN())
	s.must(err)
	defer conn.Close(context.Background())
	s.must(conn.QueryRow(s.t.Context(), query).Scan(&number))
	return number
}

// get returns a page of the product.
func (s *scene) get(url string) string {
	s.t.Helper()
	response, err := http.Get(url)
	s.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	s.must(err)
	return string(body)
}
