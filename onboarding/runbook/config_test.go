package runbook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook"
)

func TestDefaultsAreTheRunbooks(t *testing.T) {
	t.Parallel()
	config := nowhere(t)
	config.Defaults()
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	got := []string{
		config.VPS, config.Deploy.Feature, config.Deploy.Webroot, config.Deploy.NginxConf, strings.Join(config.Deploy.Command, " "),
		strings.Join(config.Certificate.Command, " "), config.Portal.URL, config.Portal.ParentURL, config.Platform.Members.OwnerRole,
	}
	want := []string{
		"vps-0", "provider-site", "/var/www/{domain}", "/etc/nginx/sites-available/{target}", "./run deploy:{target} --from-local --nginx",
		"certbot --nginx -d {domain} -d www.{domain} --non-interactive --agree-tos -m {email} --redirect", "https://{slug}.my/", "https://{owner}.my/", "owner",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	t.Parallel()
	config := nowhere(t)
	config.Platform.DatabaseURL = secret.New("postgres://me:hush@[::1")
	config.Platform.Settings.User = "user"
	config.Platform.Users.Table = strings.Repeat("x", 64)
	config.Hosts["vps-1"] = runbook.Host{IPv4: "2001:db8::1", IPv6: "fe80::1%eth0"}
	config.VPS = "elsewhere"
	config.Repository.Host = "abricot"
	config.Repository.Branch = "-x"
	config.Deploy.Feature = "Feature {slug}"
	config.Deploy.Webroot = "/var/www/all"
	config.Deploy.NginxConf = "/etc/nginx/../{target}/{tenant}"
	config.DNS.Provider = "route53"
	config.DNS.TTL = 10_000_000
	config.Certificate.Left = 2
	config.Certificate.Challenge = "../x"
	config.Portal.URL = "http://{slug}.my"
	config.Portal.Address = "portal"
	config.Others = -1
	config.Defaults()
	err := config.Validate()
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	const want = `certificate.challenge: "../x" is not a clean path below a webroot
certificate.left: 2 is not a share between 0 and 1
deploy.feature: "Feature {slug}" is not a name in kebab-case such as provider-site
deploy.nginx_conf: "/etc/nginx/../{target}/{tenant}" is not a clean absolute path
deploy.nginx_conf: {tenant} in "/etc/nginx/../{target}/{tenant}" is none of {domain}, {target}, {slug}
deploy.webroot: "/var/www/all" is the same for every domain: put {domain} or {target} in it
dns.provider: "route53" is not one of manual, rfc2136
dns.ttl: 10000000 is more than 604800 seconds
hosts.vps-1.ipv4: "2001:db8::1" is not an IPv4 address
hosts.vps-1.ipv6: "fe80::1%eth0" is not an IPv6 address
others: -1 is not a number of tenants from 1 up
platform.database_url: is not a connection string such as postgres://onboarder@db.example.com/platform
platform.settings.user: "user" is not a custom setting: these have a dot, such as app.user_id
platform.users.table: "` + "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" + `" is not a name of at most 63 bytes
portal.address: "portal" is not an IP address
portal.url: "http://{slug}.my" is not an https address without a port
repository.branch: "-x" is not a branch name
repository.host: "abricot" is not one of hosts
vps: "elsewhere" is not one of hosts with an ipv4`
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if strings.Contains(err.Error(), "hush") {
		t.Error("a password shows")
	}
}

func TestSteps(t *testing.T) {
	t.Parallel()
	for provider, destructive := range map[string]bool{runbook.Manual: false, runbook.RFC2136: true} {
		config := nowhere(t)
		config.DNS.Provider = provider
		parts, err := runbook.Connect(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(parts.Close)
		book, err := runbook.New(parts, config)
		if err != nil {
			t.Fatal(err)
		}
		type keys = []onboarding.Key
		want := []onboarding.Definition{
			{Key: "preflight", Title: "Preflight"},
			{Key: "database", Title: "Database rows", Destructive: true, After: keys{"preflight"}},
		}
		for _, domain := range []string{"a.com", "b.org"} {
			want = append(want,
				onboarding.Definition{Key: key("dns", domain), Title: "DNS of " + domain, Destructive: destructive, After: keys{"preflight"}},
				onboarding.Definition{Key: key("deploy-config", domain), Title: "Deploy config of " + domain, Destructive: true, After: keys{"preflight"}},
				onboarding.Definition{Key: key("deploy", domain), Title: "Deploy " + domain, Destructive: true,
					After: keys{"database", key("dns", domain), key("deploy-config", domain)}},
				onboarding.Definition{Key: key("certificate", domain), Title: "Certificate of " + domain, Destructive: true, After: keys{key("deploy", domain)}},
				onboarding.Definition{Key: key("sync", domain), Title: "Sync nginx conf of " + domain, Destructive: true, After: keys{key("certificate", domain)}},
				onboarding.Definition{Key: key("go-live", domain), Title: "Go live with " + domain, Destructive: true, After: keys{key("sync", domain)}},
			)
		}
		want = append(want, onboarding.Definition{Key: "verify", Title: "Verify", After: keys{"database", "go-live/a.com", "go-live/b.org"}})
		got := book.Steps(merche("a.com", "b.org"))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", provider, diff)
		}
		for _, step := range slices.Concat(got, book.RenewSteps(&onboarding.Run{Request: merche("a.com")})) {
			if step.Destructive && !slices.Contains(runbook.Kinds(), step.Key.Kind()) {
				t.Errorf("%s is approved, and no kind of step that is", step.Key)
			}
		}
	}
}
