package runbook_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

// nowhere is a configuration of which nothing exists.
func nowhere(t *testing.T) settings.Config {
	t.Helper()
	return settings.Config{
		Platform: platform.Config{DatabaseURL: secret.New("postgres://nobody@127.0.0.1:1/none"), AppRole: "app"},
		Hosts: map[string]settings.Host{"apricot": {}, "vps-0": {Config: hosts.Config{SSH: "nowhere.invalid",
			ControlDir: filepath.Join(t.TempDir(), "mux")}, IPv4: "89.127.233.145"}},
		Repository: settings.Repository{Host: "apricot",
			Config: repo.Config{Dir: "/nowhere", Author: "Onboarding <onboarding@example.com>"}},
		DNS: settings.DNS{Provider: settings.RFC2136,
			Updates:  dns.RFC2136Config{Server: "127.0.0.1:1", Key: "key", Secret: secret.New("c2VjcmV0")},
			Resolver: dns.ResolverConfig{Servers: []string{"127.0.0.1:1"}}},
	}
}

// TestGuard lists what no run may do, whoever approved it. Nothing here can be reached, so an item
// that the guard lets pass fails with another error.
func TestGuard(t *testing.T) {
	t.Parallel()
	config := nowhere(t)
	parts, err := runbook.Connect(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(parts.Close)
	book, err := runbook.New(parts, config)
	if err != nil {
		t.Fatal(err)
	}
	run := &onboarding.Run{ID: uuid.MustParse("0190a000-0000-7000-8000-000000000000"),
		Request: merche("merche-biche.com")}
	const folder = "deployments/@domains/merche-biche.com"
	commit := func(folder, path, after string) onboarding.Item {
		return onboarding.Item{Commit: &onboarding.Commit{Folder: folder, Subject: "x",
			Files: []onboarding.FileChange{onboarding.NewFileChange(path, "100644", nil, []byte(after))}}}
	}
	pushing := func(path string) onboarding.Item {
		item := commit(folder, folder+"/site/index.html", "x")
		item.Commit.Unpushed = []onboarding.UnpushedCommit{{Commit: "c", Files: []onboarding.FileChange{{Path: path}}}}
		return item
	}
	services := func(feature string) string {
		return "domain: merche-biche.com\nfeature: " + feature + "\naliases: []\ndeploy_state:\n  held_back: true\n"
	}
	sql := func(statement string, args ...string) onboarding.Item {
		return onboarding.Item{SQL: &onboarding.Transaction{Statements: []onboarding.Statement{{SQL: statement,
			Args: args}}}}
	}
	command := func(host string, argv ...string) onboarding.Item {
		return onboarding.Item{Command: &onboarding.Command{Host: host, Argv: argv, Lock: "nginx"}}
	}
	deploys := func(target string, sources ...string) onboarding.Item {
		command := onboarding.Command{Host: "apricot", Dir: "/nowhere", Lock: "repo",
			AlsoLock: onboarding.HostLock{Host: "vps-0", Name: "nginx"},
			Argv:     []string{"./run", "deploy:" + target, "--from-local", "--nginx"}}
		for _, path := range sources {
			command.Sources = append(command.Sources, onboarding.Source{Path: path, Object: strings.Repeat("0f", 20)})
		}
		return onboarding.Item{Command: &command}
	}
	alone := func(item onboarding.Item) onboarding.Item {
		item.Command.AlsoLock = onboarding.HostLock{}
		return item
	}
	records := func(name string) onboarding.Item {
		return onboarding.Item{DNS: &onboarding.ZoneUpdate{Zone: "merche-biche.com",
			Sets: []onboarding.RecordsEdit{{Name: name, Type: "A", TTL: 60, After: []string{"192.0.2.1"}}}}}
	}
	for name, test := range map[string]struct {
		step      onboarding.Key
		item      onboarding.Item
		forbidden bool
	}{
		"a row": {"database", sql(insertUser, "a", "b", "c", "d"), false},
		"a row with a past": {"database", sql("INSERT INTO users (id, slug, email, display_name, " +
			"created_at) VALUES ($1, $2, $3, $4, $5)"), true},
		"an overwritten row": {"database", sql("UPDATE users SET email = $1 WHERE slug = $2"), true},
		"a row taken away":   {"database", sql("DELETE FROM users WHERE slug = $1"), true},
		"a row taken back": {"undo-database", sql("DELETE FROM users WHERE id = $1 AND slug = $2 AND email "+
			"= $3 AND display_name = $4", "a", "b", "c", "d"), false},
		"a row added by an undo": {"undo-database", sql(insertUser, "a", "b", "c", "d"), true},
		"every row taken back":   {"undo-database", sql("DELETE FROM users"), true},
		"the site disabled": {"undo-deploy/merche-biche.com",
			command("vps-0", "rm", "-f", "/etc/nginx/sites-enabled/merche-biche"), false},
		"another site disabled": {"undo-deploy/merche-biche.com",
			command("vps-0", "rm", "-f", "/etc/nginx/sites-enabled/cocotte"), true},
		"every webroot":          {"undo-deploy/merche-biche.com", command("vps-0", "rm", "-rf", "/var/www"), true},
		"a grant":                {"database", sql("GRANT ALL ON users TO merche"), true},
		"two statements in one":  {"database", sql(insertUser + "; DROP TABLE users"), true},
		"nothing":                {"deploy/merche-biche.com", onboarding.Item{}, true},
		"records of the domain":  {"dns/merche-biche.com", records("www.merche-biche.com"), false},
		"records of another":     {"dns/merche-biche.com", records("cocotte.com"), true},
		"records of a like name": {"dns/merche-biche.com", records("not-merche-biche.com"), true},
		"a file of the domain": {"deploy-config/merche-biche.com", commit(folder, folder+"/site/index.html", "x"),
			false},
		"another domain's folder": {"deploy-config/merche-biche.com",
			commit("deployments/@domains/cocotte.com", "deployments/@domains/cocotte.com/services.yaml", "x"), true},
		"a push of another domain's commit": {"deploy-config/merche-biche.com",
			pushing("deployments/@domains/cocotte.com/services.yaml"), false},
		"a push of code": {"deploy-config/merche-biche.com", pushing("packages/portal/index.ts"), true},
		"code": {"deploy-config/merche-biche.com",
			commit(folder, "packages/portal/index.ts", "x"), true},
		"a way out of the folder": {"deploy-config/merche-biche.com",
			commit(folder, folder+"/../cocotte.com/services.yaml", "x"), true},
		"a folder of a like name": {"deploy-config/merche-biche.com",
			commit(folder, folder+".evil/services.yaml", "x"), true},
		"owners of the repository": {"deploy-config/merche-biche.com", commit(folder, "CODEOWNERS", "* @merche"),
			true},
		"the generic feature": {"deploy-config/merche-biche.com",
			commit(folder, folder+"/services.yaml", services("provider-site")), false},
		"a feature named after one": {"deploy-config/merche-biche.com",
			commit(folder, folder+"/services.yaml", services("merche-biche")), true},
		"a merche-* feature": {"deploy-config/merche-biche.com",
			commit(folder, folder+"/services.yaml", services("merche-site")), true},
		"a site-merche feature": {"deploy-config/merche-biche.com",
			commit(folder, folder+"/services.yaml", services("site-merche-biche")), true},
		"the deploy command": {"deploy/merche-biche.com",
			deploys("merche-biche", folder, "./run"), false},
		"a deploy of another": {"deploy/merche-biche.com", deploys("cocotte", folder, "./run"), true},
		"a deploy beside certbot": {"deploy/merche-biche.com",
			alone(deploys("merche-biche", folder, "./run")), true},
		"a deploy of whatever is there": {"deploy/merche-biche.com", deploys("merche-biche"), true},
		"a deploy bound to another folder": {"deploy/merche-biche.com",
			deploys("merche-biche", "deployments/@domains/cocotte.com", "./run"), true},
		"a deploy bound to a file that it does not name": {"deploy/merche-biche.com",
			deploys("merche-biche", folder, "README.md"), true},
		"the webroot": {"deploy/merche-biche.com",
			command("vps-0", "install", "-d", "-m", "0755", "/var/www/merche-biche.com"), false},
		"another webroot": {"deploy/merche-biche.com",
			command("vps-0", "install", "-d", "-m", "0755", "/var/www/cocotte.com"), true},
		"a key for the repository": {"deploy/merche-biche.com",
			command("apricot", "tee", "-a", "~/.ssh/authorized_keys"), true},
		"certbot's command in dns": {"dns/merche-biche.com", command("vps-0", "certbot", "--nginx"), true},
		"a probe of another": {"certificate/merche-biche.com",
			onboarding.Item{Probe: &onboarding.Probe{Names: []string{"cocotte.com"},
				Addresses: []string{"89.127.233.145"},
				Path:      "/"}}, true},
		"a probe elsewhere": {"certificate/merche-biche.com",
			onboarding.Item{Probe: &onboarding.Probe{Names: []string{"merche-biche.com"},
				Addresses: []string{"169.254.169.254"},
				Path:      "/"}}, true},
		"a domain of no run": {"deploy-config/cocotte.com",
			commit("deployments/@domains/cocotte.com", "deployments/@domains/cocotte.com/x", "x"), true},
	} {
		err := book.ApplyItem(t.Context(), onboarding.Authorization{Run: run, Step: test.step}, test.item, &log{})
		if errors.Is(err, runbook.ErrNotAllowed) != test.forbidden {
			t.Errorf("%s: not allowed is %t: %v", name, test.forbidden, err)
		}
		if err == nil {
			t.Errorf("%s: applied where nothing exists", name)
		}
	}
}
