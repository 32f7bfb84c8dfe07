package runbook_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/internal/secret"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/runbook"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
)

func TestPrerequisites(t *testing.T) {
	w := newFixture(t, nil)
	findings := w.runbook.Prerequisites(t.Context())
	if list := notPassed(t, onboarding.Observation{Findings: findings}); len(list) > 0 {
		t.Fatalf("in a world that is well: %q", list)
	}
	var names []string
	for _, finding := range findings {
		names = append(names, finding.Name)
	}
	want := []string{"platform database", "primary, not a standby", "authoritative host",
		"database grants", "can see all tenants", "application role",
		"ssh",
		"host apricot", "repository", "unpushed commits", "deploy config of onboardbot-check-0.example",
		"host vps-0", "nginx on vps-0", "certbot on vps-0", "nginx folders on vps-0", "DNS updates", "provider-portal"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, test := range map[string]struct {
		configure func(*settings.Config)
		want      string // empty: all is well
	}{
		"by hand": {func(c *settings.Config) { c.DNS.Provider = settings.Manual }, ""},
		"a zone":  {func(c *settings.Config) { c.DNS.Updates.Zones = []string{"merche-biche.com"} }, ""},
		"a foreign zone": {func(c *settings.Config) { c.DNS.Updates.Zones = []string{"example.net"} },
			"failed DNS updates: zone example.net at"},
		"another key": {func(c *settings.Config) { c.DNS.Updates.Key = "other" },
			"failed DNS updates: zone onboardbot-check.example at 192.0.2.53:53: the name server does not know the " +
				"key"},
		"a wrong secret": {func(c *settings.Config) {
			c.DNS.Updates.SecretFile, c.DNS.Updates.Secret = "",
				secret.New("d3Jvbmc=")
		}, "failed DNS updates: zone onboardbot-check.example at 192.0.2.53:53: the name " +
			"server does not accept the signature"},
		"no name server": {func(c *settings.Config) {
			c.DNS.Updates = dns.RFC2136Config{Server: "192.0.2.53:9", Key: "quinn-key", Secret: secret.New("d3Jvbmc=")}
		}, "failed DNS updates: zone onboardbot-check.example at 192.0.2.53:9: the name server did not reply"},
		"another portal": {func(c *settings.Config) { c.Portal.URL = "https://{slug}.nowhere.example/" },
			"failed provider-portal: onboardbot-check.nowhere.example does not resolve"},
		"a host in error": {func(c *settings.Config) {
			host := c.Hosts["vps-0"]
			host.SSH = "nobody-knows"
			c.Hosts["vps-0"] = host
		}, "failed host vps-0:"},
	} {
		t.Run(name, func(t *testing.T) {
			config := w.config
			config.Hosts = map[string]settings.Host{"apricot": w.config.Hosts["apricot"],
				"vps-0": w.config.Hosts["vps-0"]}
			test.configure(&config)
			parts, err := runbook.Connect(config)
			if err != nil {
				t.Fatal(err)
			}
			defer parts.Close()
			runbook, err := runbook.New(parts, config)
			if err != nil {
				t.Fatal(err)
			}
			list := notPassed(t, onboarding.Observation{Findings: runbook.Prerequisites(t.Context())})
			if test.want == "" && len(list) > 0 || test.want != "" &&
				!slices.ContainsFunc(list, func(line string) bool { return strings.HasPrefix(line, test.want) }) {
				t.Errorf("want %q, got %q", test.want, list)
			}
		})
	}
}
