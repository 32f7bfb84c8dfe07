package settings_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/repo"
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

func TestDefaultsAreTheRunbooks(t *testing.T) {
	t.Parallel()
	config := nowhere(t)
	config.Defaults()
	if err := config.Validate(); err != nil {
		t.Fatal(err)
	}
	got := []string{
		config.VPS, config.Deploy.Feature, config.Deploy.Webroot, config.Deploy.NginxConf,
		strings.Join(config.Deploy.Command, " "),
		strings.Join(config.Certificate.Command,
			" "), config.Portal.URL, config.Portal.ParentURL, config.Platform.Members.OwnerRole,
	}
	want := []string{
		"vps-0", "provider-site", "/var/www/{domain}", "/etc/nginx/sites-available/{target}",
		"./run deploy:{target} --from-local --nginx",
		"certbot --nginx -d {domain} -d www.{domain} --non-interactive --agree-tos -m {email} --redirect",
		"https://{slug}.my/", "https://{owner}.my/", "owner",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEmptyCommandIsReported(t *testing.T) {
	t.Parallel()
	config := nowhere(t)
	config.Certificate.Command = []string{}
	config.Defaults()
	if err := config.Validate(); err == nil || err.Error() != "certificate.command: is empty" {
		t.Errorf("got %v", err)
	}
}

func TestEveryProblemIsReported(t *testing.T) {
	t.Parallel()
	config := nowhere(t)
	config.Platform.DatabaseURL = secret.New("postgres://me:hush@[::1")
	config.Platform.Settings.User = "user"
	config.Platform.Users.Table = strings.Repeat("x", 64)
	config.Hosts["vps-1"] = settings.Host{IPv4: "2001:db8::1", IPv6: "fe80::1%eth0"}
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
