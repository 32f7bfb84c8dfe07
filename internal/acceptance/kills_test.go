package acceptance

import (
	"context"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestARunSurvivesKills kills the product with SIGKILL while an approval request is open, and
// during the database and deploy steps, and breaks its connections to hosts while certbot runs. The
// run continues each time, and nothing is done or asked for twice.
func TestARunSurvivesKills(t *testing.T) {
	s := open(t, testbed.Config{})
	root := s.ask(testbed.Merche)

	question := s.reads(root, "Database rows", "[Approve]")
	s.restart()

	// An INSERT waits for this lock, and the observation does not.
	lock := s.admin()
	defer lock.Close(context.Background())
	held, err := lock.Begin(t.Context())
	s.must(err)
	_, err = held.Exec(t.Context(), `LOCK TABLE users IN SHARE MODE`)
	s.must(err)
	s.must(s.Press(s.within(10*time.Second), testbed.Bo, question, "Approve Database rows"))
	s.waitBlocked(`SELECT count(*) FROM pg_locks WHERE relation = 'users'::regclass AND NOT granted`)
	s.bot.Kill()
	s.must(held.Rollback(t.Context()))
	s.start()
	s.reads(root, "Database rows", ": done")

	s.approve(root, "DNS of merche-biche.com")
	s.approve(root, "Deploy config of merche-biche.com")
	question = s.reads(root, "Deploy merche-biche.com", "[Approve]")
	s.during(question, "run", s.restart)
	s.reads(root, "Deploy merche-biche.com", ": done")

	question = s.reads(root, "Certificate of merche-biche.com", "[Approve]")
	s.during(question, "certbot", s.breakConnections)
	s.reads(root, "Certificate of merche-biche.com", ": done")

	s.finish(root)
	s.doneOnce(root)
}

// TestARunSurvivesKillsAtItsPoints kills the product some 20 times, each time at another of the points
// that an onboarding comes by: Slack calls, COMMITs and commands on hosts, before and after the
// effect. make torture does so at all of them.
func TestARunSurvivesKillsAtItsPoints(t *testing.T) {
	k := openKiller(t, testbed.Config{})
	k.spread, k.spares = 14, changesNothing
	root := k.ask(testbed.Merche)
	k.must(k.killUntil(20, k.finishing(root)))
	t.Logf("killed %d times\n%s", k.dealt(), k.table())
	if k.dealt() < 10 {
		t.Errorf("killed only %d times", k.dealt())
	}
	k.doneOnce(root)
}

// doneOnce fails unless a run of one domain did everything once and requested each approval once.
func (s *harness) doneOnce(root workspace.Message) {
	s.t.Helper()
	if got := s.count(`SELECT count(*) FROM users WHERE slug = 'merche-biche'`); got != 1 {
		s.t.Errorf("%d rows of the Provider", got)
	}
	if made := strings.TrimSpace(s.vps("ls /etc/letsencrypt/archive/merche-biche.com/cert*.pem | wc -l")); made != "1" {
		s.t.Errorf("%s certificates were made", made)
	}
	commits, err := exec.Command("git", "-C", s.Repo.Origin, "log", "--format=%s").Output()
	if got := strings.Count(string(commits), "merche-biche.com"); err != nil || got != 3 {
		s.t.Errorf("%d commits for the domain, %v:\n%s", got, err, commits)
	}
	screen, err := s.Person(testbed.Bo).Screen(s.t.Context())
	s.must(err)
	seen := map[string]bool{}
	for _, m := range testbed.Thread(screen, root) {
		if m.Ephemeral { // Slack does not say whether it has one, so a kill may make it two
			continue
		}
		text := testbed.Reads(m)
		if seen[text] || strings.Contains(text, "the target changed") {
			s.t.Errorf("not once, or asked for again:\n%s", text)
		}
		seen[text] = true
	}
}

// running reports whether a program or script with a name runs in the sandbox.
func running(command string) bool {
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	return slices.ContainsFunc(processes, func(file string) bool {
		line, _ := os.ReadFile(file) // the process may have ended in the meantime
		args := strings.Split(string(line), "\x00")
		return slices.ContainsFunc(args[:min(2, len(args))], func(arg string) bool { return path.Base(arg) == command })
	})
}

// waitBlocked waits until a query returns more than 0.
func (s *harness) waitBlocked(query string) {
	s.t.Helper()
	ctx := s.within(10 * time.Second)
	for s.count(query) == 0 {
		select {
		case <-ctx.Done():
			s.t.Fatal("nothing waits for the lock")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// during lets Bo approve, and does something while a command runs on its host.
func (s *harness) during(question workspace.Message, command string, do func()) {
	s.t.Helper()
	s.must(s.Press(s.within(10*time.Second), testbed.Bo, question, "Approve"))
	ctx, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for !running(command) {
		select {
		case <-ctx.Done():
			s.t.Fatalf("%s never ran", command)
		case <-time.After(5 * time.Millisecond):
		}
	}
	do()
}

// breakConnections kills the ssh clients of the sandbox, as the kernel does when memory is short.
func (s *harness) breakConnections() {
	s.t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	s.must(err)
	broken := 0
	for _, file := range processes {
		line, _ := os.ReadFile(file) // the process may have ended in the meantime
		program, _, _ := strings.Cut(string(line), "\x00")
		if path.Base(program) != "ssh" && !strings.HasPrefix(program, "ssh: ") {
			continue
		}
		pid, err := strconv.Atoi(path.Base(path.Dir(file)))
		s.must(err)
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may end because another was killed
		broken++
	}
	if broken == 0 {
		s.t.Error("there was no connection to break")
	}
}
