package acceptance

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/stage"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestDecisions plays what can become of a question: refused clicks, a rejection, two approvers at
// once, drift, a failure that is tried again, a cancelled run that is taken up again.
func TestDecisions(t *testing.T) {
	s := open(t, stage.Config{Workspace: func(w *workspace.Config) {
		for i := range w.Channels {
			if w.Channels[i].ID == stage.Channel {
				w.Channels[i].Members = append(w.Channels[i].Members, workspace.Gus, workspace.Fay)
			}
		}
	}})
	root := s.ask(stage.Merche)
	question := s.reads(root, "Database rows", "[Approve]")

	for who, words := range map[string][]string{
		stage.Ana: {"your own request", "second operator"}, stage.Gus: {"guest"}, workspace.Fay: {"another workspace"},
	} {
		s.must(s.Press(s.within(10*time.Second), who, question, "Approve"))
		s.whispers(who, words...)
	}

	s.must(s.Press(s.within(10*time.Second), stage.Bo, question, "Reject…"))
	form, err := s.Person(stage.Bo).Modal(s.within(10 * time.Second))
	s.must(err)
	_, err = form.Fill(t.Context(), "Why not?", "The address is mistyped <!channel>")
	s.must(err)
	_, err = form.Submit(t.Context())
	s.must(err)
	trouble := s.reads(root, "rejected", "The address is mistyped <!channel>", "[Retry]")
	if strings.Contains(string(trouble.Blocks), "<!channel>") {
		t.Errorf("somebody's text became markup: %s", trouble.Blocks)
	}
	s.must(s.Press(s.within(10*time.Second), stage.Ana, trouble, "Retry"))
	question = s.readsAfter(trouble, root, "Database rows", "[Approve]")

	var clicks sync.WaitGroup
	for _, who := range []string{stage.Bo, stage.Cleo} {
		clicks.Go(func() { _ = s.Press(s.within(10*time.Second), who, question, "Approve") })
	}
	clicks.Wait()
	s.reads(root, "Database rows", ": done")
	_, err = s.Person(stage.Bo).WaitFor(s.within(10*time.Second),
		func(workspace.Screen) bool { return s.told("already", stage.Bo, stage.Cleo) })
	s.must(err)
	if got := s.count(`SELECT count(*) FROM users WHERE slug = 'merche-biche'`); got != 1 {
		t.Errorf("%d rows of the Provider", got)
	}

	question = s.reads(root, "DNS of merche-biche.com", "[Approve]")
	s.publish("merche-biche.com", "update add merche-biche.com. 60 A 203.0.113.99")
	s.must(s.Press(s.within(10*time.Second), stage.Bo, question, "Approve"))
	question = s.reads(root, "DNS of merche-biche.com", "What changed", "203.0.113.99", "[Approve]")
	s.must(s.Press(s.within(10*time.Second), stage.Bo, question, "Approve"))
	s.reads(root, "DNS of merche-biche.com", ": done")

	s.approve(root, "Deploy config of merche-biche.com")
	question = s.reads(root, "Deploy merche-biche.com", "[Approve]")
	free, err := s.VPS[0].FillDisk(t.Context(), "/var/www")
	s.must(err)
	s.must(s.Press(s.within(10*time.Second), stage.Bo, question, "Approve"))
	trouble = s.reads(root, "Deploy merche-biche.com", "failed", "No such file or directory", "[Retry]")
	s.must(free())
	s.must(s.Press(s.within(10*time.Second), stage.Ana, trouble, "Retry"))
	s.must(s.Press(s.within(10*time.Second), stage.Cleo,
		s.readsAfter(trouble, root, "Deploy merche-biche.com", "[Approve]"), "Approve"))
	s.reads(root, "Deploy merche-biche.com", ": done")
	s.reads(root, "Certificate of merche-biche.com", "[Approve]")

	typed, err := s.Person(stage.Ana).Type(s.within(10*time.Second), stage.Channel, "/onboard cancel merche-biche")
	s.must(err)
	s.must(s.Press(s.within(10*time.Second), stage.Ana, *typed.Message, "Cancel run"))
	_, err = s.Root(s.within(10*time.Second), stage.Bo, root, "Cancelled")
	s.must(err)
	s.reads(root, "Certificate of merche-biche.com", "withdrawn")

	// What was applied is found done; the rest is asked.
	again := s.ask(stage.Merche)
	if again.TS == root.TS {
		t.Fatal("the second run has no message of its own")
	}
	s.finish(again)
	if got := s.count(`SELECT count(*) FROM users WHERE slug = 'merche-biche'`); got != 1 {
		t.Errorf("%d rows of the Provider", got)
	}
}

// told reports whether one of the people was told something privately.
func (s *scene) told(word string, people ...string) bool {
	for _, who := range people {
		messages, err := s.Person(who).Read(context.Background(), stage.Channel)
		if err != nil {
			return false
		}
		for _, m := range messages {
			if m.Ephemeral && strings.Contains(stage.Reads(m), word) {
				return true
			}
		}
	}
	return false
}

// publish changes the zone behind the product's back.
func (s *scene) publish(zone string, updates ...string) {
	s.t.Helper()
	cmd := exec.Command("knsupdate", "-k", s.DNS.Key.ClientFile)
	cmd.Stdin = strings.NewReader("server " + s.environment("DNS_SERVER") + "\nzone " + zone + ".\n" +
		strings.Join(updates, "\n") + "\nsend\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("knsupdate: %v: %s", err, out)
	}
}

// environment is a variable of the world.
func (s *scene) environment(name string) string {
	for _, variable := range s.Environment() {
		if value, found := strings.CutPrefix(variable, name+"="); found {
			return value
		}
	}
	s.t.Fatalf("the world has no %s", name)
	return ""
}
