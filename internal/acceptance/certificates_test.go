package acceptance

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
	"github.com/atlilith/onboardbot/internal/sandbox/workspace"
)

// certificateLife is the lifetime of this test's certificates: short enough to watch one expire,
// and long enough that a busy machine misses nothing between two checks.
const certificateLife = 40 * time.Second

// watchConfig checks each second and tolerates no faults. The last sixteenth of the lifetime would
// be too short.
const watchConfig = `certificates:
  interval: 1s
  patience: 1ms
  thresholds:
    left: [0.25, 0.125]
  extra: [{domain: cocotte.com, host: vps-0}]
`

// TestCertificatesOverTime lets a Provider's certificate get old, waits for the reminders in the
// onboarding's thread, renews it by a button there, and waits for the all-clear. Then it renews a
// certificate without reloading nginx.
func TestCertificatesOverTime(t *testing.T) {
	s := open(t, testbed.Config{World: sandbox.Config{CertificateLifetime: certificateLife},
		Bot:       func(settings *testbed.Settings) { settings.Rest = watchConfig },
		Workspace: func(w *workspace.Config) { w.Rates.Off = true }})
	root := s.ask(testbed.Merche)
	s.finish(root)
	first := s.serial()

	// This domain has no run and no certificate, so the report goes to the channel.
	broken, err := s.Person(testbed.Ana).WaitMessage(s.within(20*time.Second), testbed.Channel,
		func(m workspace.Message) bool {
			return m.ThreadTS == "" &&
				testbed.ContainsAll(testbed.Reads(m), []string{"cocotte.com", "port 443", "[Why?]"})
		})
	s.must(err)
	s.must(s.Press(s.within(20*time.Second), testbed.Ana, broken, "Why?"))
	s.readsEphemeral(testbed.Ana, "cocotte.com", "certbot on vps-0 has no certificate for it", "nothing starts it")

	overdue := s.reads(root, "should have been renewed by", "It is valid for another", "[Renew now]", "[Why?]")
	s.must(s.Press(s.within(20*time.Second), testbed.Ana, overdue, "Renew now"))
	question := s.reads(root, "Renew the certificate of merche-biche.com",
		"certbot renew --cert-name merche-biche.com", "[Approve]")
	s.must(s.Press(s.within(20*time.Second), testbed.Ana, question, "Approve"))
	s.readsEphemeral(testbed.Ana, "your own request")
	s.must(s.Press(s.within(20*time.Second), testbed.Cleo, overdue, "Renew now"))
	s.readsEphemeral(testbed.Cleo, "already in progress")

	// Nobody decides, and the reminders become more urgent.
	quarter := s.reads(root, "is still not renewed and is valid for only another", "[Renew now]")
	urgent := s.readsAfter(quarter, root, "is still not renewed and is valid for only another", "renew it now")
	if strings.Contains(string(quarter.Blocks), "@") || !strings.Contains(string(urgent.Blocks), "@"+testbed.Bo) {
		t.Errorf("a quarter left: %s\nan eighth left: %s", quarter.Blocks, urgent.Blocks)
	}
	checkFraction(t, quarter, 0.25)
	checkFraction(t, urgent, 0.125)

	s.must(s.Press(s.within(20*time.Second), testbed.Bo, question, "Approve"))
	s.reads(root, "The certificate of", "is renewed")
	s.reads(root, "was renewed: visitors get the new one, valid until")
	second := s.serial()
	if second == first {
		t.Error("the serial is the same as before")
	}

	typed, err := s.Person(testbed.Ana).Type(s.within(20*time.Second), testbed.Channel, "/certificates")
	s.must(err)
	if typed.Message == nil || !typed.Message.Ephemeral {
		t.Errorf("/certificates answers %+v", typed)
	}
	// The sandbox's server has certbot's cron entry and no cron, which /certificates looks for.
	table, err := s.Person(testbed.Bo).WaitMessage(s.within(20*time.Second), testbed.Channel,
		func(m workspace.Message) bool {
			return m.ThreadTS == "" &&
				testbed.ContainsAll(testbed.Reads(m),
					[]string{"Certificates: 1 urgent, 1 needs attention", "merche-biche.com", "cocotte.com",
						"Valid until",
						"merche-biche.com: a cron entry starts certbot on vps-0, but cron is not running there"})
		})
	s.must(err)
	s.waitFile(table, "certificates.png")
	_, err = s.Person(testbed.Ana).Type(s.within(20*time.Second), testbed.Channel, "/certificates www.merche-biche.com")
	s.must(err)
	s.readsEphemeral(testbed.Ana, "Chain", "History", first, second, "blocks its renewal")

	// The webroot plugin renews the certificate and does not reload nginx.
	s.vps("certbot certonly --webroot -w /var/www/merche-biche.com --cert-name merche-biche.com -d merche-biche.com " +
		"-d www.merche-biche.com --force-renewal --non-interactive")
	stale := s.reads(root, "Renewed but not reloaded", "reload nginx there", "[Reload now]")
	// Not in the reminder, where it would be at once, but by a command that says when.
	_, err = s.Person(testbed.Bo).Type(s.within(20*time.Second), testbed.Channel,
		"/certificates merche-biche.com at=\"tomorrow 23:30 Asia/Tokyo\"")
	s.must(err)
	s.must(s.Press(s.within(20*time.Second), testbed.Bo,
		s.readsEphemeral(testbed.Bo, "No approved change is applied before", " 23:30 Asia/Tokyo", "[Reload]"),
		"Reload"))
	question = s.readsAfter(stale, root, "Reload nginx on vps-0", "No approved change is applied before", "[Approve]")
	s.must(s.Press(s.within(20*time.Second), testbed.Cleo, question, "Approve"))
	held := s.readsAfter(stale, root, "approved, waits until", " 23:30 Asia/Tokyo", "[Apply now]")
	s.must(s.Press(s.within(20*time.Second), testbed.Cleo, held, "Apply now"))
	s.readsAfter(stale, root, "Resolved: renewed but not reloaded")

	s.certificatesCommand()
	s.checkNoDuplicates(root)
}

// serial returns the serial number of certbot's certificate.
func (s *harness) serial() string {
	s.t.Helper()
	out := s.vps("openssl x509 -noout -serial -in /etc/letsencrypt/live/merche-biche.com/cert.pem")
	_, serial, _ := strings.Cut(strings.TrimSpace(out), "=")
	return strings.TrimLeft(strings.ToLower(serial), "0")
}

func (s *harness) vps(script string) string {
	s.t.Helper()
	out, err := s.VPS[0].Shell(s.t.Context(), script)
	s.must(err)
	return string(out)
}

var secondsLeft = regexp.MustCompile(`only another (\d+) (second|minute)s?`)

// checkFraction compares the time in a reminder with the fraction of the lifetime that it is for.
func checkFraction(t *testing.T, m workspace.Message, fraction float64) {
	t.Helper()
	found := secondsLeft.FindStringSubmatch(testbed.Reads(m))
	if found == nil || found[2] != "second" {
		t.Errorf("no seconds in %s", testbed.Reads(m))
		return
	}
	var left int
	if err := json.Unmarshal([]byte(found[1]), &left); err != nil {
		t.Fatal(err)
	}
	mark := fraction * certificateLife.Seconds()
	if float64(left) > mark || float64(left) < mark-5 {
		t.Errorf("%d s are left at the reminder for %v, of %s", left, fraction, certificateLife)
	}
}

// waitFile waits for a picture in the thread of a message.
func (s *harness) waitFile(root workspace.Message, name string) {
	s.t.Helper()
	_, err := s.Person(testbed.Bo).WaitFor(s.within(20*time.Second), func(screen workspace.Screen) bool {
		for _, m := range testbed.Thread(screen, root) {
			for _, file := range m.Files {
				if file.Name == name && bytes.HasPrefix(file.Data, []byte("\x89PNG")) {
					return true
				}
			}
		}
		return false
	})
	s.must(err)
}

// checkNoDuplicates fails if a reminder came twice.
func (s *harness) checkNoDuplicates(root workspace.Message) {
	s.t.Helper()
	screen, err := s.Person(testbed.Bo).Screen(s.t.Context())
	s.must(err)
	seen := make(map[string]bool)
	for _, m := range testbed.Thread(screen, root) {
		text := testbed.Reads(m)
		if seen[text] && strings.Contains(text, "certificate of merche-biche.com") {
			s.t.Errorf("twice in the thread: %s", text)
		}
		seen[text] = true
	}
}

// certificatesCommand runs the subcommand certificates.
func (s *harness) certificatesCommand() {
	s.t.Helper()
	executable, err := os.Executable()
	s.must(err)
	look := func(args ...string) ([]byte, int) {
		cmd := exec.CommandContext(s.within(30*time.Second), executable, append([]string{"certificates"}, args...)...)
		cmd.Env = append(os.Environ(), asProduct)
		var trouble strings.Builder
		cmd.Stderr = &trouble
		out, err := cmd.Output()
		if trouble.Len() > 0 {
			s.t.Logf("certificates %q: %s", args, trouble.String())
		}
		if err != nil && cmd.ProcessState == nil {
			s.t.Fatal(err)
		}
		return out, cmd.ProcessState.ExitCode()
	}
	out, code := look("-config", s.ConfigFile, "-format", "json")
	var report struct {
		Severity string `json:"severity"`
		Sites    []struct {
			Domain string `json:"domain"`
			Host   string `json:"host"`
		} `json:"sites"`
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Sites) != 2 ||
		report.Sites[0].Domain != "cocotte.com" || report.Sites[1].Domain != "merche-biche.com" ||
		report.Sites[1].Host != "vps-0" {
		s.t.Errorf("the report is %s, %v", out, err)
	}
	if code != 1 || report.Severity != "urgent" {
		s.t.Errorf("exit status %d for %s", code, report.Severity)
	}
	if _, code := look("-config", s.ConfigFile+".missing"); code != 2 {
		s.t.Errorf("exit status %d without a configuration", code)
	}
}
