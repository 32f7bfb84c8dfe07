package deployconfig_test

import (
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding/deployconfig"
)

const servicesBody = "domain: a.example\nfeature: provider-site\naliases: [www.a.example]\n" +
	"deploy_state:\n  held_back: true\n"

// What people put around or into services.yaml is edited, or refused with a reason.
func TestServicesOfAllKinds(t *testing.T) {
	t.Parallel()
	refused := map[string]bool{"yes": true, "tagged": true, "dup": true, "null state": true, "merge": true,
		"two docs": true, "anchor": true, "ls": true, "nul": true}
	for name, src := range map[string]string{
		"1.2":           "%YAML 1.2\n---\n" + servicesBody,
		"1.1":           "%YAML 1.1\n---\n" + servicesBody,
		"1.2 comment":   "# top\n%YAML 1.2\n---\n" + servicesBody,
		"1.2 and space": "%YAML  1.2   # x\n---\n" + servicesBody,
		"1.3":           "%YAML 1.3\n---\n" + servicesBody,
		"tag":           "%TAG ! tag:example.com,2026:\n---\n" + servicesBody,
		"start":         "---\n" + servicesBody,
		"start comment": "--- # services\n" + servicesBody,
		"end":           servicesBody + "...\n",
		"bom":           "\ufeff" + servicesBody,
		"crlf":          strings.ReplaceAll(servicesBody, "\n", "\r\n"),
		"yes":           "domain: a.example\nfeature: f\naliases: []\ndeploy_state:\n  held_back: yes\n",
		"quoted key":    "\"domain\": a.example\n'feature': f\naliases: []\n\"deploy_state\":\n  \"held_back\": true\n",
		"flow":          "{domain: a.example, feature: f, aliases: [], deploy_state: {held_back: true}}\n",
		"anchor":        "domain: &d a.example\nfeature: f\naliases: [*d]\ndeploy_state:\n  held_back: true\n",
		"merge": "base: &b {held_back: true}\ndomain: a.example\nfeature: f\naliases: []\n" +
			"deploy_state:\n  <<: *b\n",
		"comment after": "domain: a.example\nfeature: f\naliases: []\ndeploy_state:\n  held_back: true   # flip me\n",
		"tagged":        "domain: a.example\nfeature: f\naliases: []\ndeploy_state:\n  held_back: !!bool true\n",
		"tabs":          "domain:\ta.example\nfeature:\tf\naliases: []\ndeploy_state:\n  held_back:\ttrue\n",
		"explicit":      "? domain\n: a.example\n? feature\n: f\n? aliases\n: []\n? deploy_state\n: held_back: true\n",
		"no newline":    "domain: a.example\nfeature: f\naliases: []\ndeploy_state: {held_back: true}",
		"dup":           servicesBody + "domain: b.example\n",
		"two docs":      servicesBody + "---\n" + servicesBody,
		"deep indent": "domain: a.example\nfeature: f\naliases:\n        - www.a.example\n" +
			"deploy_state:\n        held_back: true\n",
		"json":       `{"domain":"a.example","feature":"f","aliases":[],"deploy_state":{"held_back":true}}`,
		"upper":      "domain: a.example\nfeature: f\naliases: []\ndeploy_state:\n  held_back: True\n",
		"null state": "domain: a.example\nfeature: f\naliases: []\ndeploy_state: ~\n",
		"unicode":    "# ünïcødé 🌍\n" + servicesBody,
		"ls":         "# x\u2028y\n" + servicesBody,
		"nul":        "# x\x00\n" + servicesBody,
	} {
		edited, err := deployconfig.SetHeldBack([]byte(src), false)
		if (err != nil) != refused[name] {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		services, err := deployconfig.ReadServices(edited)
		if err != nil || services.HeldBack || services.Domain != "a.example" {
			t.Errorf("%s: %+v, %v in %q", name, services, err, edited)
		}
	}
}
