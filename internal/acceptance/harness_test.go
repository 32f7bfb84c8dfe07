package acceptance

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/scratch"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// harness is a testbed with the product running in it, for one test.
type harness struct {
	*testbed.Testbed
	t   *testing.T
	bot *testbed.Bot
	env []string // of the product
	// cutOff says that a replica may be cut off from its database, and acknowledges nothing then.
	cutOff bool
}

// open starts a testbed and the product. Tests with a harness cannot run in parallel, because a
// namespace has room for one sandbox.
func open(t *testing.T, config testbed.Config) *harness {
	t.Helper()
	s := openWithout(t, config)
	s.start()
	return s
}

// openBed starts a testbed, which ends with the test.
func openBed(t testing.TB, config testbed.Config) *testbed.Testbed {
	t.Helper()
	dir, err := scratch.Dir("testbed")
	if err != nil {
		t.Fatal(err)
	}
	set, err := testbed.Open(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		set.Close()
		os.RemoveAll(dir)
	})
	return set
}

// openWithout starts a testbed alone.
func openWithout(t *testing.T, config testbed.Config) *harness {
	t.Helper()
	config.World.Quick = true
	s := &harness{Testbed: openBed(t, config), t: t}
	t.Cleanup(func() {
		if s.bot != nil {
			if err := s.bot.Stop(); err != nil {
				t.Errorf("the bot ended with %v", err)
			}
		}
		if t.Failed() {
			s.dump()
		}
		s.checkSlack()
	})
	return s
}

func (s *harness) start() {
	s.t.Helper()
	executable, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	seen := s.transcript()
	if s.bot, err = s.Start([]string{executable}, append(s.env, asProduct)...); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Connected(s.t.Context(), s.bot, seen); err != nil {
		s.t.Fatal(err)
	}
}

// restart kills the product with SIGKILL and starts it again.
func (s *harness) restart() {
	s.t.Helper()
	s.bot.Kill()
	s.start()
}

func (s *harness) transcript() int {
	s.t.Helper()
	events, err := s.Slack.Transcript(context.Background(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(events)
}

// ackLimit is how long Slack waits for an acknowledgement.
const ackLimit = 3 * time.Second

// checkSlack fails the test if Slack refused something or an acknowledgement was late.
func (s *harness) checkSlack() {
	events, err := s.Slack.Transcript(context.Background(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, event := range events {
		// A call by a product that was killed times out at Slack.
		refused := event.Kind == workspace.KindAPI && event.Error != "" && event.Error != "ratelimited" &&
			event.Error != "request_timeout"
		// Whoever takes over an upload asks whether it was completed, and an envelope that is delivered
		// again after a kill has a trigger that was used.
		refused = refused && (event.Name != "files.info" || event.Error != "file_not_found") &&
			event.Error != "exchanged_trigger_id"
		// Both deliveries of an envelope are acknowledged. What was sent to a product that was killed is late,
		// however soon the next one acknowledges it.
		late := event.Kind == workspace.KindAck && event.Error != "" && event.Error != "acknowledged_before" &&
			!s.cutOff && (event.Error != "late" || event.Latency > ackLimit)
		if event.Kind == workspace.KindTrouble || refused || late {
			s.t.Errorf("slack: %+v", event)
		}
	}
}

// dump logs what people saw and what the product logged, for a test that failed.
func (s *harness) dump() {
	if screen, err := s.Person(testbed.Bo).Screen(context.Background()); err == nil {
		s.t.Log(screen.Text(120))
	}
	logs, _ := filepath.Glob(filepath.Join(s.Dir, "bot-*.log"))
	for _, name := range logs[max(0, len(logs)-4):] {
		if log, err := os.ReadFile(name); err == nil {
			lines := strings.Split(string(log), "\n")
			s.t.Log(name + "\n" + strings.Join(lines[max(0, len(lines)-60):], "\n"))
		}
	}
}

func (s *harness) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *harness) ask(in testbed.Inputs) workspace.Message {
	s.t.Helper()
	root, err := s.Ask(s.within(20*time.Second), testbed.Ana, in)
	s.must(err)
	return root
}

func (s *harness) within(limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	s.t.Cleanup(cancel)
	return ctx
}

func (s *harness) finish(root workspace.Message) {
	s.t.Helper()
	s.must(s.Finish(s.within(3*time.Minute), testbed.Bo, root))
}

// approve waits for the approval request of a step and lets Bo approve it.
func (s *harness) approve(root workspace.Message, step string) {
	s.t.Helper()
	s.must(s.Approve(s.within(30*time.Second), testbed.Bo, root, step))
}

// reads waits for a message in the thread that contains all the words.
func (s *harness) reads(root workspace.Message, words ...string) workspace.Message {
	s.t.Helper()
	m, err := s.Message(s.within(60*time.Second), testbed.Bo, root, words...)
	s.must(err)
	return m
}

// readsAfter is like reads, for a message that came after another one.
func (s *harness) readsAfter(earlier, root workspace.Message, words ...string) workspace.Message {
	s.t.Helper()
	var found workspace.Message
	_, err := s.Person(testbed.Bo).WaitFor(s.within(60*time.Second), func(screen workspace.Screen) bool {
		for _, m := range testbed.Thread(screen, root) {
			if m.TS > earlier.TS && testbed.ContainsAll(testbed.Reads(m), words) {
				found = m
				return true
			}
		}
		return false
	})
	s.must(err)
	return found
}

// readsEphemeral waits for an ephemeral message to a person that contains all the words.
func (s *harness) readsEphemeral(who string, words ...string) workspace.Message {
	s.t.Helper()
	m, err := s.Person(who).WaitMessage(s.within(10*time.Second), testbed.Channel, func(m workspace.Message) bool {
		return m.Ephemeral && testbed.ContainsAll(testbed.Reads(m), words)
	})
	s.must(err)
	return m
}

// count returns the number that a query of the platform's database returns.
func (s *harness) count(query string, args ...any) int {
	s.t.Helper()
	conn := s.admin()
	defer conn.Close(context.Background())
	var count int
	if err := conn.QueryRow(s.t.Context(), query, args...).Scan(&count); err != nil {
		s.t.Fatal(err)
	}
	return count
}

func (s *harness) admin() *pgx.Conn {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.AdminDSN())
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}
