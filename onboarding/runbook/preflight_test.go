package runbook_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/sandbox/namespace"
	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// notPassed are the findings of an observation that did not pass, as "name: detail".
func notPassed(t *testing.T, observed onboarding.Observation) []string {
	t.Helper()
	var list []string
	for _, finding := range observed.Findings {
		if finding.Level == onboarding.OK {
			continue
		}
		if finding.Fix == "" {
			t.Errorf("%s has no fix", finding.Name)
		}
		list = append(list, string(finding.Level)+" "+finding.Name+": "+finding.Detail)
	}
	return list
}

func TestPreflight(t *testing.T) {
	w := newFixture(t, nil)
	run := w.newRun(merche("merche-biche.com"))
	observed := w.observe(run, "preflight")
	if list := notPassed(t, observed); len(list) > 0 {
		t.Fatalf("in a world that is well: %q", list)
	}
	var names []string
	for _, finding := range observed.Findings {
		names = append(names, finding.Name)
	}
	want := []string{"platform database", "primary, not a standby", "authoritative host",
		"database grants", "can see all tenants", "application role",
		"host apricot", "repository", "unpushed commits", "deploy config of merche-biche.com",
		"host vps-0", "nginx on vps-0", "certbot on vps-0", "nginx folders on vps-0",
		"zone of merche-biche.com", "provider-portal", "isolation checks", "database rows"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, test := range map[string]struct {
		harm, mend func(*fixture)
		want       string
	}{
		"another server": {
			func(w *fixture) { w.sql("ALTER DATABASE platform SET platform.cluster_name = 'copy'"); w.reconnect() },
			func(w *fixture) { w.sql("ALTER DATABASE platform RESET platform.cluster_name"); w.reconnect() },
			`failed authoritative host: the identity query returns "copy" here instead of "quinn-authoritative"`},
		"read-only": {
			func(w *fixture) { w.sql("ALTER ROLE onboarder SET default_transaction_read_only = on"); w.reconnect() },
			func(w *fixture) { w.sql("ALTER ROLE onboarder RESET default_transaction_read_only"); w.reconnect() },
			"failed primary, not a standby: transactions are read-only for this role"},
		"a missing right": {
			func(w *fixture) { w.sql("REVOKE INSERT (email) ON users FROM onboarder") },
			func(w *fixture) { w.sql("GRANT INSERT (email) ON users TO onboarder") },
			"failed database grants: missing: INSERT on users (email)"},
		"hidden tenants": {
			func(w *fixture) { w.sql("ALTER POLICY onboarder_reads ON orgs USING (created_at > now())") },
			func(w *fixture) { w.sql("ALTER POLICY onboarder_reads ON orgs USING (true)") },
			"warning can see all tenants: row-level security may hide rows of orgs from the bot"},
		"an application above the law": {
			func(w *fixture) { w.sql("ALTER ROLE platform_app BYPASSRLS") },
			func(w *fixture) { w.sql("ALTER ROLE platform_app NOBYPASSRLS") },
			"failed application role: platform_app is a superuser or has BYPASSRLS: no policy binds it"},
		"an application out of reach": {
			func(w *fixture) { w.sql("REVOKE platform_app FROM onboarder") },
			func(w *fixture) { w.sql("GRANT platform_app TO onboarder") },
			`failed application role: permission denied to set role "platform_app" (SQLSTATE 42501)`},
		"a broken site": {
			func(w *fixture) { w.vps("echo nonsense > /etc/nginx/sites-enabled/broken") },
			func(w *fixture) { w.vps("rm /etc/nginx/sites-enabled/broken") },
			"failed nginx on vps-0:"},
		"a host that is down": {
			func(w *fixture) { w.VPS[0].SSHD().Kill(); w.reconnect() },
			func(w *fixture) { w.restartSSHD() },
			"failed host vps-0:"},
		"a killed git": {
			func(w *fixture) { w.write(".git/index.lock", "") },
			func(w *fixture) { os.Remove(filepath.Join(w.Repo.Repo, ".git/index.lock")) },
			"failed repository: /"},
		"another branch": {
			func(w *fixture) { w.git("checkout", "--quiet", "-b", "side") },
			func(w *fixture) { w.git("checkout", "--quiet", "main") },
			`failed repository: apricot:~/Code/@projects/@atlilith/@platform is on the branch "side"`},
		"a remote that is ahead": {
			func(w *fixture) {
				w.git("commit", "--quiet", "--allow-empty", "-m", "x")
				w.git("push", "--quiet")
				w.git("reset", "--quiet", "HEAD~1")
			},
			func(w *fixture) { w.git("pull", "--quiet") },
			"failed repository: origin has commits on main that are missing in " +
				"apricot:~/Code/@projects/@atlilith/@platform"},
		"somebody's unpushed commit": {
			func(w *fixture) { w.git("commit", "--quiet", "--allow-empty", "-m", "Mine") },
			func(w *fixture) { w.git("reset", "--quiet", "HEAD~1") },
			"failed unpushed commits: a commit of apricot <apricot@quinn.sandbox> is not pushed: Mine"},
		"somebody's file": {
			func(w *fixture) { w.write(mercheFolder+"/notes", "x") },
			func(w *fixture) { os.RemoveAll(filepath.Join(w.Repo.Repo, mercheFolder)) },
			"failed deploy config of merche-biche.com: deployments/@domains/merche-biche.com/notes is in the work " +
				"tree and not committed."},
		"no ./run": {
			func(w *fixture) { os.Chmod(filepath.Join(w.Repo.Repo, "run"), 0o644) },
			func(w *fixture) { os.Chmod(filepath.Join(w.Repo.Repo, "run"), 0o755) },
			"failed repository: ./run is not a program in apricot:~/Code/@projects/@atlilith/@platform"},
		"a row in the way": {
			func(w *fixture) {
				w.sql("INSERT INTO users (slug, email, display_name) VALUES ('merche-biche', 'x@example.com', 'X')")
			},
			func(w *fixture) { w.sql("DELETE FROM users WHERE slug = 'merche-biche'") },
			"failed database rows: There is a Person merche-biche already"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			test.harm(w)
			list := notPassed(t, w.observe(run, "preflight"))
			test.mend(w)
			if !slices.ContainsFunc(list, func(line string) bool { return strings.HasPrefix(line, test.want) }) {
				t.Errorf("want %q, got %q", test.want, list)
			}
		})
	}
	w.Portal.Close()
	if list := notPassed(t, w.observe(run, "preflight")); len(list) != 1 ||
		!strings.HasPrefix(list[0], "failed provider-portal: ") {
		t.Errorf("without the portal, or not mended: %q", list)
	}
}

func TestPreflightOfConfiguration(t *testing.T) {
	w := newFixture(t, func(config *settings.Config) {
		config.DNS.Updates = dns.RFC2136Config{Server: namespace.Resolver, Key: "quinn-key",
			Secret: secret.New("d3Jvbmc=")}
		config.Platform.Users.Email = "mail"
		config.Platform.AppRole = "nobody"
		config.Repository.Template = "_template/none"
		config.Certificate.Command = []string{"no-such-certbot"}
		config.Deploy.NginxConf = "/etc/nginx/sites/{target}"
	})
	run := w.newRun(merche("merche-biche.com", "unregistered.net"))
	list := notPassed(t, w.observe(run, "preflight"))
	for _, want := range []string{
		"failed zone of merche-biche.com: zone merche-biche.com at 192.0.2.53:53: the name server does not accept " +
			"the signature",
		"failed zone of unregistered.net: no zone found for unregistered.net",
		"failed database grants: missing: there is no column users.mail, there is no column users.mail",
		"failed application role: there is no role nobody",
		"warning deploy config of merche-biche.com: the repository has no _template/none: the bot's own template is " +
			"used",
		"failed certbot on vps-0:",
		"failed nginx folders on vps-0: /etc/nginx/sites is missing",
	} {
		if !slices.ContainsFunc(list, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("want %q", want)
		}
	}
	if t.Failed() {
		t.Logf("%q", list)
	}
}

// reconnect gives the fixture new connections, for settings that apply from the next session on.
func (w *fixture) reconnect() {
	w.t.Helper()
	w.parts.Close()
	w.connect()
}

func (w *fixture) restartSSHD() {
	w.t.Helper()
	if err := w.VPS[0].SSHD().Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}
