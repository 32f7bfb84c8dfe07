package runbook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/dns"
	"github.com/atlilith/onboardbot/onboarding"
)

// TestChallenge gets a certificate for sites whose nginx configuration would not serve the file of
// the challenge, as certbot does.
func TestChallenge(t *testing.T) {
	w := newFixture(t, nil)
	password := "auth_basic x; auth_basic_user_file /etc/nginx/htpasswd;"
	hidden := `location ~ /\. { deny all; }`
	elsewhere := "location ^~ /.well-known/acme-challenge/ { root /var/www/letsencrypt; }"
	layouts := map[string]struct {
		conf   string
		dryRun bool
	}{
		"all of them": {"server { listen 80; listen [::]:80; server_name D www.D; root /var/www/D; index index.html; " +
			password + hidden + elsewhere + "}\n", true},
		"www redirects": {"server { listen 80; listen [::]:80; server_name www.D; " +
			"return 301 http://D$request_uri; }\n" +
			"server { listen 80; listen [::]:80; server_name D; root /var/www/D; index index.html; }\n", false},
	}
	w.vps("printf 'x:{PLAIN}x\\n' > /etc/nginx/htpasswd")
	for name, layout := range layouts {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			domain := strings.ReplaceAll(name, " ", "-") + ".com"
			if err := w.DNS.AddZone(t.Context(), dns.Zone{Name: domain}); err != nil {
				t.Fatal(err)
			}
			run := w.newRun(merche(domain))
			w.doUpTo(run, key("deploy", domain))
			w.write("deployments/@domains/"+domain+"/nginx/prod.conf", strings.ReplaceAll(layout.conf, "D", domain))
			w.commit()
			w.checkDone(key("deploy-config", domain), w.observe(run, key("deploy-config", domain)))
			w.do(run, key("deploy", domain))
			change := w.do(run, key("certificate", domain))
			if dryRun := slices.ContainsFunc(change.Items, func(item onboarding.Item) bool {
				return item.Command != nil && slices.Contains(item.Command.Argv, "--dry-run")
			}); dryRun != layout.dryRun {
				t.Errorf("change %+v", change)
			}
			w.do(run, key("sync", domain))
			w.do(run, key("go-live", domain))
		})
	}
}
