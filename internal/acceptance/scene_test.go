package acceptance

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/internal/sandbox/stage"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// scene is a stage with the product on it, for one test.
type scene struct {
	*stage.Stage
	t   *testing.T
	bot *stage.Bot
}

// open sets a stage and starts the product. Tests with a scene cannot run in parallel: a namespace
// has room for one world.
func open(t *testing.T, config stage.Config) *scene {
	t.Helper()
	dir, err := os.MkdirTemp("", "stage")
	if err != nil {
		t.Fatal(err)
	}
	config.World.Quick = true
	set, err := stage.Open(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{Stage: set, t: t}
	t.Cleanup(func() {
		if s.bot != nil {
			if err := s.bot.Stop(); err != nil {
				t.Errorf("the bot ended with %v", err)
			}
		}
		if t.Failed() {
			s.tell()
		}
		s.noTrouble()
		set.Close()
		os.RemoveAll(dir)
	})
	s.start()
	return s
}

func (s *scene) start() {
	s.t.Helper()
	executable, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	seen := s.transcript()
	if s.bot, err = s.Start([]string{executable}, asProduct); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Connected(s.t.Context(), s.bot, seen); err != nil {
		s.t.Fatal(err)
	}
}

// killed ends the product as kill -9 does and starts it again.
func (s *scene) killed() {
	s.t.Helper()
	s.bot.Kill()
	s.start()
}

func (s *scene) transcript() int {
	s.t.Helper()
	events, err := s.Slack.Transcript(context.Background(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return len(events)
}

// noTrouble fails the test if the product did something that Slack refuses, or was late.
func (s *scene) noTrouble() {
	events, err := s.Slack.Transcript(context.Background(), 0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, event := range events {
		// A call that a killed product was in the middle of times out at Slack.
		refused := event.Kind == workspace.KindAPI && event.Error != "" && event.Error != "ratelimited" &&
			event.Error != "request_timeout"
		// Both copies of an envelope that came twice are acknowledged.
		late := event.Kind == workspace.KindAck && event.Error != "" && event.Error != "acknowledged_before"
		if event.Kind == workspace.KindTrouble || refused || late {
			s.t.Errorf("slack: %+v", event)
		}
	}
}

// tell prints what people saw and what the product logged, for a test that failed.
func (s *scene) tell() {
	if screen, err := s.Person(stage.Bo).Screen(context.Background()); err == nil {
		s.t.Log(screen.Text(120))
	}
	if log, err := os.ReadFile(s.bot.Log); err == nil {
		lines := strings.Split(string(log), "\n")
		s.t.Log(strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) ask(in stage.Inputs) workspace.Message {
	s.t.Helper()
	root, err := s.Ask(s.within(20*time.Second), stage.Ana, in)
	s.must(err)
	return root
}

func (s *scene) within(limit time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(s.t.Context(), limit)
	s.t.Cleanup(cancel)
	return ctx
}

func (s *scene) finish(root workspace.Message) {
	s.t.Helper()
	s.must(s.Finish(s.within(3*time.Minute), stage.Bo, root))
}

// approve waits for the question about a step and lets Bo agree.
func (s *scene) approve(root workspace.Message, step string) {
	s.t.Helper()
	s.must(s.Approve(s.within(30*time.Second), stage.Bo, root, step))
}

// reads waits for a message in the thread with all the words in it.
func (s *scene) reads(root workspace.Message, words ...string) workspace.Message {
	s.t.Helper()
	m, err := s.Message(s.within(60*time.Second), stage.Bo, root, words...)
	s.must(err)
	return m
}

// readsAfter waits for a message in the thread that came after another one.
func (s *scene) readsAfter(earlier, root workspace.Message, words ...string) workspace.Message {
	s.t.Helper()
	var found workspace.Message
	_, err := s.Person(stage.Bo).WaitFor(s.within(60*time.Second), func(screen workspace.Screen) bool {
		for _, m := range stage.Thread(screen, root) {
			if m.TS > earlier.TS && stage.ContainsAll(stage.Reads(m), words) {
				found = m
				return true
			}
		}
		return false
	})
	s.must(err)
	return found
}

// whispers waits until only this person sees a message with the words.
func (s *scene) whispers(who string, words ...string) {
	s.t.Helper()
	_, err := s.Person(who).WaitMessage(s.within(10*time.Second), stage.Channel, func(m workspace.Message) bool {
		return m.Ephemeral && stage.ContainsAll(stage.Reads(m), words)
	})
	s.must(err)
}

// count returns what a query counts.
func (s *scene) count(query string, args ...any) int {
	s.t.Helper()
	conn := s.admin()
	defer conn.Close(context.Background())
	var count int
	if err := conn.QueryRow(s.t.Context(), query, args...).Scan(&count); err != nil {
		s.t.Fatal(err)
	}
	return count
}

func (s *scene) admin() *pgx.Conn {
	s.t.Helper()
	conn, err := pgx.Connect(s.t.Context(), s.AdminDSN())
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}
