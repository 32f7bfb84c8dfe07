package acceptance

import (
	"testing"

	"github.com/atlilith/onboardbot/internal/sandbox/testbed"
)

func TestOnboarding(t *testing.T) {
	for name, in := range map[string]testbed.Inputs{
		"a person with one domain": testbed.Merche,
		"an Org's owner with three domains": {Slug: "merche-biche", Name: "Merche Biche", Email: "merche@example.com",
			Mode:    "Person + owns Org",
			OrgSlug: "merche-collective", OrgName: "Merche Collective",
			Domains: []string{"merche-biche.com", "merche-biche.shop", "merche.example"}},
		"a member of an Org": {Slug: "merche-biche", Name: "Merche Biche", Email: "merche@example.com",
			Mode: "Person joins existing Org", Org: "Cocotte"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, testbed.Config{})
			root := s.ask(in)
			s.finish(root)
			screen, err := s.Person(testbed.Ana).Screen(t.Context())
			s.must(err)
			if posts := len(testbed.Thread(screen, root)); len(in.Domains) < 2 && posts > 7 {
				t.Errorf("%d messages about one domain, and nothing was rejected", posts)
			}
		})
	}
}
