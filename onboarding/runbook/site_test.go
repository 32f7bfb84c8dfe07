package runbook_test

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	wire "github.com/miekg/dns"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

const (
	available = "/etc/nginx/sites-available/merche-biche"
	enabled   = "/etc/nginx/sites-enabled/merche-biche"
)

// serial is that of the certificate that certbot keeps.
func (w *fixture) serial() string {
	return w.vps("openssl x509 -noout -serial -in /etc/letsencrypt/live/merche-biche.com/cert.pem")
}

// TestSite takes one domain from deploy to sync and breaks something before every step.
func TestSite(t *testing.T) {
	w := newFixture(t, nil)
	run := w.newRun(merche("merche-biche.com"))
	t.Run("what is deployed is what was approved", func(t *testing.T) { w.in(t).sources(t, run) })
	t.Run("deploy", func(t *testing.T) { w.in(t).deploy(t, run) })
	t.Run("certificate", func(t *testing.T) { w.in(t).certificate(t, run) })
	t.Run("sync", func(t *testing.T) { w.in(t).sync(t, run) })
	t.Run("never deployed over certbot's", func(t *testing.T) {
		// The repository has lost certbot's lines, so that a deploy would take TLS away.
		w := w.in(t)
		w.git("checkout", "--quiet", "HEAD~2", "--", mercheFolder+"/nginx/prod.conf")
		w.commit()
		w.checkDone("deploy", w.observe(run, "deploy/merche-biche.com"))
	})
}

// sources edits what would be deployed between the approval request and the application.
func (w *fixture) sources(t *testing.T, run *onboarding.Run) {
	const step = onboarding.Key("deploy/merche-biche.com")
	planned := w.observe(run, step).Change
	w.doUpTo(run, step)
	approved := w.observe(run, step).Change
	if planned.Items[1].Command.Sources[0] != approved.Items[1].Command.Sources[0] {
		t.Errorf("planned with %+v, then %+v", planned.Items[1].Command.Sources, approved.Items[1].Command.Sources)
	}
	page := mercheFolder + "/site/index.html"
	for name, test := range map[string]struct{ attack, undo string }{
		"an edit":       {"echo '<script>' >> '" + page + "'", "git checkout -q '" + page + "'"},
		"a staged edit": {"echo x >> '" + page + "'; git add '" + page + "'", "git reset -q --hard"},
		"a hidden edit": {"git update-index --assume-unchanged '" + page + "'; echo x >> '" + page + "'",
			"git update-index --no-assume-unchanged '" + page + "'; git checkout -q '" + page + "'"},
		"another file": {"echo x > '" + mercheFolder + "/site/evil.js'", "rm '" + mercheFolder + "/site/evil.js'"},
		"an ignored file": {"echo evil.log >> .git/info/exclude; echo x > '" + mercheFolder + "/site/evil.log'",
			"rm '" + mercheFolder + "/site/evil.log'"},
		"a removed file":    {"rm '" + page + "'", "git checkout -q '" + page + "'"},
		"another mode":      {"chmod 600 run; chmod -x run", "chmod 755 run"},
		"the task runner":   {"sed -i 's/--delete/--delete --verbose/' run", "git checkout -q run"},
		"committed by hand": {"echo x >> '" + page + "'; git commit -qam 'By hand'", "git reset -q --hard HEAD^"},
	} {
		w.shell(test.attack)
		err := w.apply(run, step, approved)
		if !errors.Is(err, onboarding.ErrTargetChanged) {
			t.Errorf("%s: error = %v", name, err)
		}
		if on := w.vps("ls /var/www/merche-biche.com"); strings.TrimSpace(on) != "" {
			t.Fatalf("%s reached the VPS: %s", name, on)
		}
		if observed, err := w.runbook.Observe(t.Context(), run, step); err == nil {
			if observed.Change.RestOf(approved) {
				t.Errorf("%s: the same change is asked for", name)
			}
		} else if !errors.As(err, new(*onboarding.ConflictError)) {
			t.Errorf("%s: observed %v", name, err)
		}
		w.shell(test.undo)
	}
	// What the VPS has afterwards is compared.
	w.do(run, step)
	w.vps("echo x >> /var/www/merche-biche.com/index.html")
	if change := w.observe(run, step).Change; !strings.HasSuffix(change.Summary,
		"site/index.html is not on the VPS as it is committed") {
		t.Errorf("got %+v", change)
	}
	w.vps("rm -r /var/www/merche-biche.com " + available + " " + enabled)
	w.reload()
	run.Step(step).State = onboarding.StepPending
}

// shell runs a script in the work tree.
func (w *fixture) shell(script string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), "sh", "-ec", script)
	cmd.Dir = w.Repo.Repo
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s: %v: %s", script, err, out)
	}
}

func (w *fixture) deploy(t *testing.T, run *onboarding.Run) {
	const step = onboarding.Key("deploy/merche-biche.com")
	w.doUpTo(run, step)
	w.vps("printf 'server { listen 80; server_name other.example; root /srv; }\n' > " + available)
	if got := w.conflict(run, step); !strings.Contains(got,
		"is not that of merche-biche.com: line 1: a server for other.example") {
		t.Errorf("got %q", got)
	}
	w.vps("rm " + available)
	if change := w.do(run, step); len(change.Items) != 2 {
		t.Errorf("got %+v", change)
	}
	// Drift: what is installed is no longer what is committed; the webroot is there by now.
	w.vps("sed -i 's/index index.html/index old.html/' " + available)
	if change := w.do(run, step); len(change.Items) != 1 ||
		!strings.HasSuffix(change.Summary, "what is installed is not what is committed") {
		t.Errorf("got %+v", change)
	} else if lock := change.Items[0].Command.AlsoLock; lock != (onboarding.HostLock{Host: "vps-0", Name: "nginx"}) {
		t.Errorf("certbot may write back the old configuration: got %+v", lock)
	}
	// Enabled by a copy: certbot would edit that and leave the original.
	w.vps("rm " + enabled + " && cp " + available + " " + enabled)
	if got := w.conflict(run, step); !strings.Contains(got, "is not a symbolic link") {
		t.Errorf("got %q", got)
	}
	if got := w.conflict(run, "certificate/merche-biche.com"); !strings.Contains(got,
		"is not enabled on vps-0 by a symbolic link") {
		t.Errorf("got %q", got)
	}
	w.vps("ln -sfn ../sites-available/merche-biche " + enabled)
	w.reload()
	w.do(run, step)
}

func (w *fixture) certificate(t *testing.T, run *onboarding.Run) {
	const step = onboarding.Key("certificate/merche-biche.com")
	// The names lead elsewhere: certbot is not even asked for.
	w.publish("merche-biche.com", true, "www.merche-biche.com. A 203.0.113.10")
	w.publish("merche-biche.com", false, "www.merche-biche.com. 60 A 192.0.2.9")
	if observed := w.observe(run, step); observed.Waiting != "www.merche-biche.com no longer resolves to "+
		"203.0.113.10, the "+
		"address of vps-0." {
		t.Errorf("got %+v", observed)
	}
	w.publish("merche-biche.com", true, "www.merche-biche.com. A 192.0.2.9")
	w.publish("merche-biche.com", false, "www.merche-biche.com. 60 A 203.0.113.10")

	// The challenge cannot work: its test fails, the file is removed again and certbot does
	// not run.
	change := w.observe(run, step).Change
	w.vps("sed -i 's|location / {|location /.well-known/ { return 403; } location / {|' " + available)
	w.reload()
	if err := w.apply(run, step, change); err == nil ||
		!strings.Contains(err.Error(), "answers 403 with other content") {
		t.Errorf("got %v", err)
	}
	left := w.vps("find /var/www/merche-biche.com -type f -name 'onboardbot*'; ls /etc/letsencrypt")
	if left != "cli.ini\n" {
		t.Errorf("left behind: %q", left)
	}
	w.vps("sed -i 's|location /.well-known/ { return 403; } ||' " + available)
	w.reload()

	// The authority sees other name servers than we do.
	for _, server := range w.DNS.NameServers {
		server.Lie("www.merche-biche.com", wire.TypeA)
		server.Lie("www.merche-biche.com", wire.TypeAAAA)
	}
	err := w.apply(run, step, change)
	for _, server := range w.DNS.NameServers {
		server.Behave()
	}
	if err == nil || !strings.Contains(err.Error(), "the certificate authority says: ") {
		t.Errorf("got %v", err)
	}

	// Exit 0 of certbot is no proof: without its redirect the step is not done, and the repair
	// issues nothing.
	w.vps("certbot --nginx -d merche-biche.com -d www.merche-biche.com --non-interactive --agree-tos -m " +
		"merche@example.com --no-redirect")
	serial := w.serial()
	if repair := w.do(run, step); repair.Summary != change.Summary {
		t.Errorf("got %+v", repair)
	}
	if now := w.serial(); now != serial {
		t.Errorf("issued again: %s, was %s", now, serial)
	}
	// A certificate that is due: certbot's own redirect does not stand in the way of the proof.
	due := w.config
	due.Certificate.Left = 1 - 1e-9
	runbook, err := runbook.New(w.parts, due)
	if err != nil {
		t.Fatal(err)
	}
	observed, err := runbook.Observe(t.Context(), run, step)
	if err != nil || observed.Change.Summary != change.Summary {
		t.Fatalf("got %+v, %v", observed, err)
	}
	if err := w.apply(run, step, observed.Change); err != nil {
		t.Error(err)
	}
	run.Step(step).State = onboarding.StepDone
	if run.Facts[onboarding.Fact(step)] == "" {
		t.Errorf("facts %v", run.Facts)
	}
}

func (w *fixture) sync(t *testing.T, run *onboarding.Run) {
	const step = onboarding.Key("sync/merche-biche.com")
	w.vps("cp " + available + " /tmp/merche && sed -i '/managed by Certbot/d' " + available)
	_, err := w.runbook.Observe(t.Context(), run, step)
	if err == nil || !strings.Contains(err.Error(), "managed by Certbot") {
		t.Errorf("got %v", err)
	}
	// The committed configuration, which has no TLS yet, was deployed over certbot's: visitors are
	// refused. The certificate is there, so certbot puts its lines back and issues nothing.
	serial := w.serial()
	w.vps("cat > " + available + " <<'EOF'\n" + w.read(mercheFolder+"/nginx/prod.conf") + "\nEOF")
	w.reload()
	const certificate = onboarding.Key("certificate/merche-biche.com")
	if observed := w.observe(run, step); !slices.Equal(observed.Reopen, []onboarding.Key{certificate}) {
		t.Errorf("got %+v", observed)
	}
	w.do(run, certificate)
	if now := w.serial(); now != serial {
		t.Errorf("issued again: %s, was %s", now, serial)
	}
	change := w.do(run, step)
	if len(change.Items[0].Commit.Files) != 1 ||
		!strings.Contains(w.read(mercheFolder+"/nginx/prod.conf"), "managed by Certbot") {
		t.Errorf("got %+v", change)
	}
	w.vps("printf '\\n\\n' >> " + available)
	w.checkDone(step, w.observe(run, step))
	w.do(run, "go-live/merche-biche.com")
	if !strings.Contains(w.read(mercheFolder+"/services.yaml"), "held_back: false") {
		t.Error(w.read(mercheFolder + "/services.yaml"))
	}
}
