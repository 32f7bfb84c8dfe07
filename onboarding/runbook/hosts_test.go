package runbook_test

import (
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestOwnVPS brings one domain to each of two VPSes.
func TestOwnVPS(t *testing.T) {
	w := newFixtureOn(t, sandbox.Config{Quick: true, VPSes: 2}, nil)
	request := merche("merche-biche.com", "merche-biche.shop")
	request.Domains[1].Host = "vps-1"
	run := w.newRun(request)
	for i := range run.Steps {
		w.do(run, run.Steps[i].Key)
	}
	for i, domain := range []string{"merche-biche.com", "merche-biche.shop"} {
		script := w.read("deployments/@domains/" + domain + "/deploy.sh")
		if want := `REMOTE_HOST="` + w.VPS[i].Host.Alias + `"`; !strings.Contains(script, want+"\n") {
			t.Errorf("%s: no %s in\n%s", domain, want, script)
		}
		for j, vps := range w.VPS {
			listed, err := vps.Shell(t.Context(), "ls /var/www /etc/nginx/sites-enabled /etc/letsencrypt/live")
			if err != nil {
				t.Fatal(err)
			}
			if here := strings.Contains(string(listed), domain); here != (i == j) {
				t.Errorf("%s on %s: %v\n%s", domain, vps.Name, here, listed)
			}
		}
	}
	var machines []string
	for _, finding := range w.observe(run, "preflight").Findings {
		if name, ok := strings.CutPrefix(finding.Name, "certbot on "); ok {
			machines = append(machines, name)
		}
	}
	if got := strings.Join(machines, " "); got != "vps-0 vps-1" {
		t.Errorf("preflight looked at %s", got)
	}

	// A script that names no host is right only for the usual VPS.
	template := "deployments/@domains/_template/{provider}.com/deploy.sh"
	w.write(template, strings.Replace(w.read(template), "REMOTE_HOST=", "HOST=", 1))
	w.commit()
	other := w.newRun(onboarding.Request{Slug: "anna", DisplayName: "Anna", Email: "anna@example.com",
		Mode:    onboarding.ModePerson,
		Domains: []onboarding.Domain{{Name: "merche.example", Host: "vps-1"}}})
	if got := w.conflict(other, "deploy-config/merche.example"); !strings.HasPrefix(got,
		"merche.example is to be deployed to vps-1, but its deploy.sh names no host.") {
		t.Errorf("got %q", got)
	}
	other.Request.Domains[0].Host = ""
	if observed := w.observe(other, "deploy-config/merche.example"); observed.Change.Empty() {
		t.Error("the usual VPS needs it too")
	}
}
