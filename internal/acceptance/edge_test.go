package acceptance

import (
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// maxRetries is how often people retry one run after rejected nonces.
const maxRetries = 3

// TestTwoRunsAtOnce runs two onboardings that share the repository, the VPS and the name server,
// while Slack refreshes its connections and delivers twice. No secret of the product appears
// anywhere.
func TestTwoRunsAtOnce(t *testing.T) {
	s := open(t, testbed.Config{World: sandbox.Config{RejectNonces: true}})
	s.must(s.Slack.Order(t.Context(), workspace.Fault{Kind: workspace.FaultDuplicate, Times: 5}))
	s.must(s.Slack.Order(t.Context(),
		workspace.Fault{Kind: workspace.FaultRedeliver, Envelope: workspace.EnvelopeInteractive, Times: 5}))
	one := s.ask(testbed.Merche)
	two := s.ask(testbed.Inputs{Slug: "other-biche", Name: "Other Biche", Email: "other@example.org",
		Mode: "Person-only", Domains: []string{"merche.example"}})
	s.must(s.Slack.Order(t.Context(),
		workspace.Fault{Kind: workspace.FaultDisconnect, Reason: workspace.ReasonRefresh, Times: 1}))
	roots, failures := []workspace.Message{one, two}, make([]error, 2)
	var both sync.WaitGroup
	for i, root := range roots {
		both.Go(func() { failures[i] = s.Finish(s.within(4*time.Minute), testbed.Bo, root) })
	}
	both.Wait()
	for i, err := range failures {
		// certbot sends a request once more with another nonce. If that is rejected, too, it is
		// for people to retry.
		for range maxRetries {
			if err == nil || !strings.Contains(err.Error(), "badNonce") {
				break
			}
			trouble := s.reads(roots[i], "badNonce", "[Retry]")
			s.must(s.Press(s.within(10*time.Second), testbed.Ana, trouble, "Retry"))
			s.readsAfter(trouble, roots[i], "[Approve]")
			err = s.Finish(s.within(4*time.Minute), testbed.Bo, roots[i])
		}
		if err != nil {
			t.Error(err)
		}
	}
	if got := s.count(`SELECT count(*) FROM users WHERE slug IN ('merche-biche', 'other-biche')`); got != 2 {
		t.Errorf("%d rows of two Providers", got)
	}
	s.checkSecrets(t)
}

// checkSecrets fails if a secret is in the log or in what people can read.
func (s *harness) checkSecrets(t *testing.T) {
	t.Helper()
	log, err := os.ReadFile(s.bot.Log)
	s.must(err)
	seen := string(log)
	for _, who := range []string{testbed.Ana, testbed.Bo} {
		screen, err := s.Person(who).Screen(t.Context())
		s.must(err)
		seen += screen.Text(10_000)
		for _, conversation := range screen.Conversations {
			for _, m := range conversation.Messages {
				seen += string(m.Blocks) + string(m.Metadata)
				for _, file := range m.Files {
					seen += string(file.Data)
				}
			}
		}
	}
	for what, secret := range map[string]string{
		"the bot token": workspace.SampleBotToken, "the app token": workspace.SampleAppToken,
		"the TSIG key":                     s.DNS.Key.Secret,
		"the platform's connection string": s.PlatformDSN(), "the bot's connection string": s.BotDSN(),
	} {
		if strings.Contains(seen, secret) {
			t.Errorf("%s shows in the log or in Slack", what)
		}
	}
}

// TestRecordsByHand runs an onboarding with manual DNS: the records are shown, waited for, and
// checked at once when somebody presses the button.
func TestRecordsByHand(t *testing.T) {
	s := open(t, testbed.Config{Bot: func(settings *testbed.Settings) { settings.DNS = "manual" }})
	root := s.ask(testbed.Merche)
	s.approve(root, "Database rows")
	s.approve(root, "Deploy config of merche-biche.com")
	waiting := s.reads(root, "DNS of merche-biche.com", "203.0.113.10", "2001:db8::10", "[Check now]")
	s.updateZone("merche-biche.com", "update add merche-biche.com. 60 A 203.0.113.10",
		"update add merche-biche.com. 60 AAAA 2001:db8::10",
		"update add www.merche-biche.com. 60 A 203.0.113.10", "update add www.merche-biche.com. 60 AAAA 2001:db8::10")
	s.must(s.Press(s.within(10*time.Second), testbed.Ana, waiting, "Check now"))
	s.finish(root)
}

// TestWhatIsTypedWrong types invalid commands and reads the answers.
func TestWhatIsTypedWrong(t *testing.T) {
	s := open(t, testbed.Config{})
	for text, words := range map[string][]string{
		"/onboard x;rm -rf /":                  {"kebab-case"},
		"/onboard ../..":                       {"kebab-case"},
		"/onboard <!channel>":                  {"kebab-case"},
		"/onboard " + strings.Repeat("a", 300): {"40 characters"},
		"/onboard status nobody":               {"nobody"},
		"/onboard cancel nobody":               {"nobody"},
		"/onboard help":                        {"/onboard status"},
		"/onboard list":                        {"no runs yet"},
	} {
		typed, err := s.Person(testbed.Ana).Type(s.within(10*time.Second), testbed.Channel, text)
		s.must(err)
		if typed.Message == nil || !typed.Message.Ephemeral {
			t.Errorf("%s: %+v", text, typed)
			continue
		}
		if said := testbed.Reads(*typed.Message); !testbed.ContainsAll(said, words) ||
			strings.Contains(string(typed.Message.Blocks)+typed.Message.Text, "<!channel>") {
			t.Errorf("%s answers\n%s", text, said)
		}
	}
}

// TestTheThreeSecondsWithTenRunsBusy types and presses while ten runs work. Each acknowledgement
// leaves well within Slack's three seconds.
func TestTheThreeSecondsWithTenRunsBusy(t *testing.T) {
	// With Slack's rate of posts the runs would wait for messages instead of being busy.
	s := open(t, testbed.Config{Workspace: func(w *workspace.Config) { w.Rates.Off = true }})
	var roots []workspace.Message
	for i := range 10 {
		name := string(rune('a' + i))
		roots = append(roots,
			s.ask(testbed.Inputs{Slug: "busy-" + name, Name: "Busy", Email: name + "@example.com", Mode: "Person-only",
				Domains: []string{"busy-" + name + ".merche.example"}}))
	}
	for _, root := range roots {
		s.approve(root, "Database rows")
		s.approve(root, "Deploy config of")
	}
	for range 20 {
		_, err := s.Person(testbed.Cleo).Type(s.within(10*time.Second), testbed.Channel, "/onboard list")
		s.must(err)
	}
	events, err := s.Slack.Transcript(t.Context(), 0)
	s.must(err)
	var slowest time.Duration
	acks := 0
	for _, event := range events {
		if event.Kind == workspace.KindAck {
			acks++
			slowest = max(slowest, event.Latency)
		}
	}
	t.Logf("%d acknowledgements, the slowest after %s", acks, slowest)
	if acks < 50 || slowest > 2500*time.Millisecond {
		t.Errorf("%d acknowledgements, the slowest after %s", acks, slowest)
	}
}
