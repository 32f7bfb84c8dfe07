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
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// worst are the findings of a look that are not well, as "name: detail".
func worst(t *testing.T, look onboarding.Observation) []string {
	t.Helper()
	var list []string
	for _, finding := range look.Findings {
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
	w := newTown(t, nil)
	run := w.newRun(merche("merche-biche.com"))
	look := w.look(run, "preflight")
	if list := worst(t, look); len(list) > 0 {
		t.Fatalf("in a world that is well: %q", list)
	}
	var names []string
	for _, finding := range look.Findings {
		names = append(names, finding.Name)
	}
	want := []string{"platform database", "takes writes", "authoritative host", "rights", "visibility",
		"application role",
		"host apricot", "repository", "unpushed commits", "deploy config of merche-biche.com",
		"host vps-0", "nginx on vps-0", "certbot on vps-0", "nginx folders on vps-0",
		"zone of merche-biche.com", "provider-portal", "database rows"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, test := range map[string]struct {
		harm, mend func(*town)
		want       string
	}{
		"another server": {
			func(w *town) { w.sql("ALTER DATABASE platform SET platform.cluster_name = 'copy'"); w.reconnect() },
			func(w *town) { w.sql("ALTER DATABASE platform RESET platform.cluster_name"); w.reconnect() },
			`failed authoritative host: the identity query returns "copy" here instead of "quinn-authoritative"`},
		"read-only": {
			func(w *town) { w.sql("ALTER ROLE onboarder SET default_transaction_read_only = on"); w.reconnect() },
			func(w *town) { w.sql("ALTER ROLE onboarder RESET default_transaction_read_only"); w.reconnect() },
			"failed takes writes: transactions are read-only for this role"},
		"a missing right": {
			func(w *town) { w.sql("REVOKE INSERT (email) ON users FROM onboarder") },
			func(w *town) { w.sql("GRANT INSERT (email) ON users TO onboarder") },
			"failed rights: missing: INSERT on users (email)"},
		"hidden tenants": {
			func(w *town) { w.sql("ALTER POLICY onboarder_reads ON orgs USING (created_at > now())") },
			func(w *town) { w.sql("ALTER POLICY onboarder_reads ON orgs USING (true)") },
			"warning visibility: row-level security may hide rows of orgs from the bot"},
		"an application above the law": {
			func(w *town) { w.sql("ALTER ROLE platform_app BYPASSRLS") },
			func(w *town) { w.sql("ALTER ROLE platform_app NOBYPASSRLS") },
			"failed application role: platform_app is a superuser or has BYPASSRLS: no policy binds it"},
		"an application out of reach": {
			func(w *town) { w.sql("REVOKE platform_app FROM onboarder") },
			func(w *town) { w.sql("GRANT platform_app TO onboarder") },
			`failed application role: permission denied to set role "platform_app" (SQLSTATE 42501)`},
		"a broken site": {
			func(w *town) { w.vps("echo nonsense > /etc/nginx/sites-enabled/broken") },
			func(w *town) { w.vps("rm /etc/nginx/sites-enabled/broken") },
			"failed nginx on vps-0:"},
		"a host that is down": {
			func(w *town) { w.VPS[0].SSHD().Kill(); w.reconnect() },
			func(w *town) { w.restartSSHD() },
			"failed host vps-0:"},
		"a killed git": {
			func(w *town) { w.write(".git/index.lock", "") },
			func(w *town) { os.Remove(filepath.Join(w.Repo.Repo, ".git/index.lock")) },
			"failed repository: /"},
		"another branch": {
			func(w *town) { w.git("checkout", "--quiet", "-b", "side") },
			func(w *town) { w.git("checkout", "--quiet", "main") },
			`failed repository: apricot:~/Code/@projects/@atlilith/@platform is on the branch "side"`},
		"a remote that is ahead": {
			func(w *town) {
				w.git("commit", "--quiet", "--allow-empty", "-m", "x")
				w.git("push", "--quiet")
				w.git("reset", "--quiet", "HEAD~1")
			},
			func(w *town) { w.git("pull", "--quiet") },
			"failed repository: origin has commits on main that are missing in " +
				"apricot:~/Code/@projects/@atlilith/@platform"},
		"somebody's unpushed commit": {
			func(w *town) { w.git("commit", "--quiet", "--allow-empty", "-m", "Mine") },
			func(w *town) { w.git("reset", "--quiet", "HEAD~1") },
			"failed unpushed commits: a commit of apricot <apricot@quinn.sandbox> is not pushed: Mine"},
		"somebody's file": {
			func(w *town) { w.write(mercheFolder+"/notes", "x") },
			func(w *town) { os.RemoveAll(filepath.Join(w.Repo.Repo, mercheFolder)) },
			"failed deploy config of merche-biche.com: deployments/@domains/merche-biche.com/notes is in the work " +
				"tree and not committed."},
		"no ./run": {
			func(w *town) { os.Chmod(filepath.Join(w.Repo.Repo, "run"), 0o644) },
			func(w *town) { os.Chmod(filepath.Join(w.Repo.Repo, "run"), 0o755) },
			"failed repository: ./run is not a program in apricot:~/Code/@projects/@atlilith/@platform"},
		"a row in the way": {
			func(w *town) {
				w.sql("INSERT INTO users (slug, email, display_name) VALUES ('merche-biche', 'x@example.com', 'X')")
			},
			func(w *town) { w.sql("DELETE FROM users WHERE slug = 'merche-biche'") },
			"failed database rows: There is a Person merche-biche already"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			test.harm(w)
			list := worst(t, w.look(run, "preflight"))
			test.mend(w)
			if !slices.ContainsFunc(list, func(line string) bool { return strings.HasPrefix(line, test.want) }) {
				t.Errorf("want %q, got %q", test.want, list)
			}
		})
	}
	w.Portal.Close()
	if list := worst(t, w.look(run, "preflight")); len(list) != 1 ||
		!strings.HasPrefix(list[0], "failed provider-portal: ") {
		t.Errorf("without the portal, or not mended: %q", list)
	}
}

func TestPreflightOfConfiguration(t *testing.T) {
	w := newTown(t, func(config *settings.Config) {
		config.DNS.Updates = dns.RFC2136Config{Server: namespace.Resolver, Key: "quinn-key",
			Secret: secret.New("d3Jvbmc=")}
		config.Platform.Users.Email = "mail"
		config.Platform.AppRole = "nobody"
		config.Repository.Template = "_template/none"
		config.Certificate.Command = []string{"no-such-certbot"}
		config.Deploy.NginxConf = "/etc/nginx/sites/{target}"
	})
	run := w.newRun(merche("merche-biche.com", "unregistered.net"))
	list := worst(t, w.look(run, "preflight"))
	for _, want := range []string{
		"failed zone of merche-biche.com: zone merche-biche.com at 192.0.2.53:53: the name server does not accept " +
			"the signature",
		"failed zone of unregistered.net: no zone found for unregistered.net",
		"failed rights: missing: there is no column users.mail, there is no column users.mail",
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

// reconnect gives the town new connections, for what holds from the next session on.
func (w *town) reconnect() {
	w.t.Helper()
	w.parts.Close()
	var err error
	if w.parts, err = runbook.Connect(w.config); err != nil {
		w.t.Fatal(err)
	}
	if w.runbook, err = runbook.New(w.parts, w.config); err != nil {
		w.t.Fatal(err)
	}
}

func (w *town) restartSSHD() {
	w.t.Helper()
	if err := w.VPS[0].SSHD().Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}
