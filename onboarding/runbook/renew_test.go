package runbook_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// lifetime is so short that a certificate is due for renewal within the test, at half of it, and
// so long that one stays young for what follows its renewal.
const lifetime = 24 * time.Second

// TestRenew lets a certificate grow old and renews it as a run of its own does.
func TestRenew(t *testing.T) {
	w := newFixture(t, nil)
	authority, err := w.StartAuthority(t.Context(), lifetime)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.VPS[0].UseDirectory(authority.Directory); err != nil {
		t.Fatal(err)
	}
	made := w.newRun(merche("merche-biche.com"))
	// The roots have grown since the fixture's runbook read them.
	w.reconnect()
	w.doUpTo(made, "sync/merche-biche.com")
	w.do(made, "sync/merche-biche.com")
	first := w.serial()

	const step = onboarding.Key("renew/merche-biche.com")
	renewal := func() *onboarding.Run {
		run := w.newRun(made.Request)
		run.Kind, run.Renews, run.Steps = onboarding.KindRenew, made.ID, nil
		for _, definition := range w.runbook.RenewSteps(run) {
			run.Steps = append(run.Steps, onboarding.Step{Definition: definition, State: onboarding.StepPending})
		}
		return run
	}
	run := renewal()
	due := w.becomesDue(run, step)
	want := []string{"certbot", "renew", "--cert-name", "merche-biche.com", "--non-interactive",
		"--no-random-sleep-on-renew"}
	if len(due.Items) != 1 || !slices.Equal(due.Items[0].Command.Argv, want) {
		t.Fatalf("the change is %+v", due)
	}

	// The authority allows no attempt: that is said, and nothing asked.
	limits := w.config.Certificates.Limits
	w.config.Certificates.Limits.Duplicates = certificates.Bucket{Burst: 1, Refill: time.Hour}
	w.reconnect()
	if got := w.conflict(run, step); !strings.HasPrefix(got,
		"Not renewed, since certificates for exactly merche-biche.com, www.merche-biche.com were issued too often "+
			"lately: the certificate authority allows no attempt before ") {
		t.Errorf("got %q", got)
	}
	w.config.Certificates.Limits = limits
	w.reconnect()

	w.do(run, step)
	second := w.serial()
	if second == first || run.Facts["certificate/merche-biche.com"] == "" {
		t.Errorf("serial %s, was %s; facts %v", second, first, run.Facts)
	}
	// certbot's plugin left the configuration as it was: there is nothing to bring home.
	w.checkDone("sync/merche-biche.com", w.observe(run, "sync/merche-biche.com"))

	// Renewed without a reload of nginx: only the reload is left to do.
	w.vps("certbot certonly --webroot -w /var/www/merche-biche.com --cert-name merche-biche.com -d merche-biche.com " +
		"-d www.merche-biche.com --force-renewal --non-interactive")
	run = renewal()
	if change := w.do(run, step); len(change.Items) != 1 ||
		!slices.Equal(change.Items[0].Command.Argv, []string{"nginx", "-s", "reload"}) {
		t.Errorf("the change is %+v", change)
	}
	// From now on certbot's renewals do not reload nginx.
	run = renewal()
	if change := w.becomesDue(run, step); len(change.Items) != 2 || change.Items[1].Command.Argv[0] != "nginx" {
		t.Errorf("the change is %+v", change)
	}
	for _, argv := range [][]string{{"certbot", "renew", "--cert-name", "merche-biche.com", "--force-renewal"},
		{"certbot", "renew"}, {"nginx", "-s", "stop"}} {
		change := onboarding.Change{Items: []onboarding.Item{{Command: &onboarding.Command{Host: "vps-0",
			Lock: "nginx", Argv: argv}}}}
		if err := w.apply(run, step, change); !errors.Is(err, runbook.ErrNotAllowed) {
			t.Errorf("%q: %v", argv, err)
		}
	}

	nobodys := renewal()
	nobodys.Renews, nobodys.Request.Domains = uuid.Nil, []onboarding.Domain{{Name: "cocotte.com", Host: "vps-0"}}
	if list := w.runbook.RenewSteps(nobodys); len(list) != 1 || list[0].Key != "renew/cocotte.com" {
		t.Errorf("the steps are %+v", list)
	}
	if got := w.conflict(nobodys, "renew/cocotte.com"); got != "certbot on vps-0 has no certificate for cocotte.com "+
		"that could be renewed. Then press Retry." {
		t.Errorf("got %q", got)
	}
}

// becomesDue observes the step until a certificate is due.
func (w *fixture) becomesDue(run *onboarding.Run, key onboarding.Key) onboarding.Change {
	w.t.Helper()
	for deadline := time.Now().Add(lifetime); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if observed := w.observe(run, key); !observed.Change.Empty() {
			return observed.Change
		}
	}
	w.t.Fatal("the certificate is not due in all its life")
	return onboarding.Change{}
}

func TestConfigOfCertificates(t *testing.T) {
	t.Parallel()
	config := settings.Config{Hosts: map[string]settings.Host{"vps-0": {Config: hosts.Config{SSH: "quinn-vps"},
		IPv4: "203.0.113.10"}}}
	config.Defaults()
	if err := config.ValidateWatch(); err != nil {
		t.Errorf("hosts alone are not enough to look at certificates: %v", err)
	}
	config.Certificates.Extra = []certificates.Site{{Domain: "cocotte.com", Host: "vps-9"}}
	config.Certificates.Thresholds.Left = []float64{2}
	err := config.ValidateWatch()
	for _, want := range []string{`certificates.extra[0].host: "vps-9" is not one of hosts`,
		"certificates.thresholds.left[0]: 2 is not a fraction"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}
