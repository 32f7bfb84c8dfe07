package acceptance

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// TestDecisions tests refused clicks, a rejection, two approvers at once, drift, a failure and a
// retry, and a cancelled run that is started again.
func TestDecisions(t *testing.T) {
	s := open(t, testbed.Config{Workspace: func(w *workspace.Config) {
		for i := range w.Channels {
			if w.Channels[i].ID == testbed.Channel {
				w.Channels[i].Members = append(w.Channels[i].Members, workspace.Gus, workspace.Fay)
			}
		}
	}})
	root := s.ask(testbed.Merche)
	question := s.reads(root, "Database rows", "[Approve]")

	for who, words := range map[string][]string{
		testbed.Ana: {"your own request", "someone else must decide"}, testbed.Gus: {"guest"},
		workspace.Fay: {"other workspaces"},
	} {
		s.must(s.Press(s.within(10*time.Second), who, question, "Approve Database rows"))
		s.readsEphemeral(who, words...)
	}

	s.must(s.Press(s.within(10*time.Second), testbed.Bo, question, "Reject… Database rows"))
	form, err := s.Person(testbed.Bo).Modal(s.within(10 * time.Second))
	s.must(err)
	_, err = form.Fill(t.Context(), "Why not?", "The address is mistyped <!channel>")
	s.must(err)
	_, err = form.Submit(t.Context())
	s.must(err)
	trouble := s.reads(root, "rejected", "The address is mistyped <!channel>", "[Retry]")
	if strings.Contains(string(trouble.Blocks), "<!channel>") {
		t.Errorf("somebody's text became markup: %s", trouble.Blocks)
	}
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, trouble, "Retry"))
	question = s.readsAfter(trouble, root, "Database rows", "[Approve]")

	var clicks sync.WaitGroup
	for _, who := range []string{testbed.Bo, testbed.Cleo} {
		clicks.Go(func() { _ = s.Press(s.within(10*time.Second), who, question, "Approve Database rows") })
	}
	clicks.Wait()
	s.reads(root, "Database rows", ": done")
	_, err = s.Person(testbed.Bo).WaitFor(s.within(10*time.Second),
		func(workspace.Screen) bool { return s.wasTold("already", testbed.Bo, testbed.Cleo) })
	s.must(err)
	if got := s.count(`SELECT count(*) FROM users WHERE slug = 'merche-biche'`); got != 1 {
		t.Errorf("%d rows of the Provider", got)
	}

	question = s.reads(root, "DNS of merche-biche.com", "[Approve]")
	s.updateZone("merche-biche.com", "update add merche-biche.com. 60 A 203.0.113.99")
	s.must(s.Press(s.within(10*time.Second), testbed.Bo, question, "Approve DNS of merche-biche.com"))
	question = s.reads(root, "DNS of merche-biche.com", "What changed", "203.0.113.99", "[Approve]")
	s.must(s.Press(s.within(10*time.Second), testbed.Bo, question, "Approve DNS of merche-biche.com"))
	s.reads(root, "DNS of merche-biche.com", ": done")

	s.approve(root, "Deploy config of merche-biche.com")
	question = s.reads(root, "Deploy merche-biche.com", "[Approve]")
	free, err := s.VPS[0].FillDisk(t.Context(), "/var/www")
	s.must(err)
	s.must(s.Press(s.within(10*time.Second), testbed.Bo, question, "Approve Deploy merche-biche.com"))
	trouble = s.reads(root, "Deploy merche-biche.com", "failed", "No such file or directory", "[Retry]")
	s.must(free())
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, trouble, "Retry"))
	s.must(s.Press(s.within(10*time.Second), testbed.Cleo,
		s.readsAfter(trouble, root, "Deploy merche-biche.com", "[Approve]"), "Approve Deploy merche-biche.com"))
	s.reads(root, "Deploy merche-biche.com", ": done")
	s.reads(root, "Certificate of merche-biche.com", "[Approve]")

	typed, err := s.Person(testbed.Ana).Type(s.within(10*time.Second), testbed.Channel, "/onboard cancel merche-biche")
	s.must(err)
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, *typed.Message, "Cancel run"))
	_, err = s.Root(s.within(10*time.Second), testbed.Bo, root, "Cancelled")
	s.must(err)
	s.reads(root, "Certificate of merche-biche.com", "withdrawn")

	// The applied steps are found done. The others need approval.
	again := s.ask(testbed.Merche)
	if again.TS == root.TS {
		t.Fatal("the second run has no message of its own")
	}
	s.finish(again)
	if got := s.count(`SELECT count(*) FROM users WHERE slug = 'merche-biche'`); got != 1 {
		t.Errorf("%d rows of the Provider", got)
	}
}

// wasTold reports whether one of the people has an ephemeral message with a word.
func (s *harness) wasTold(word string, people ...string) bool {
	for _, who := range people {
		messages, err := s.Person(who).Read(context.Background(), testbed.Channel)
		if err != nil {
			return false
		}
		for _, m := range messages {
			if m.Ephemeral && strings.Contains(testbed.Reads(m), word) {
				return true
			}
		}
	}
	return false
}

// updateZone changes a zone without the product.
func (s *harness) updateZone(zone string, updates ...string) {
	s.t.Helper()
	cmd := exec.Command("knsupdate", "-k", s.DNS.Key.ClientFile)
	cmd.Stdin = strings.NewReader("server " + s.environment("DNS_SERVER") + "\nzone " + zone + ".\n" +
		strings.Join(updates, "\n") + "\nsend\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("knsupdate: %v: %s", err, out)
	}
}

// environment returns a variable of the sandbox.
func (s *harness) environment(name string) string {
	for _, variable := range s.Environment() {
		if value, found := strings.CutPrefix(variable, name+"="); found {
			return value
		}
	}
	s.t.Fatalf("the world has no %s", name)
	return ""
}
