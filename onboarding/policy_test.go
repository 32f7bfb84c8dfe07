package onboarding

import "testing"

func TestCheckDomain(t *testing.T) {
	t.Parallel()
	policy := Policy{ReservedDomains: []string{"lilith-platform.live"},
		Portals: []string{"https://{slug}.my/", "https://portal.example.com:8443/{owner}"}}
	for domain, free := range map[string]bool{
		"merche-biche.com": true, "my.merche.com": true, "example.com": true, "notlilith-platform.live": true,
		"lilith-platform.live": false, "a.lilith-platform.live": false, "quinn.my": false, "shop.quinn.my": false,
		"portal.example.com": false,
	} {
		if problem := policy.CheckDomain(domain); (problem == "") != free {
			t.Errorf("%s: %q", domain, problem)
		}
	}
	// However somebody writes a name, it is the name that is checked.
	for _, typed := range []string{"Quinn.MY.", "quinn。my", "ｑuinn．my", " quinn.my ", "xn--quinn.my", "QUINN.my",
		"shop.quinn。my", "a.LILITH-platform.live.", "lilith\u00ad-platform.live", "ⓛilith-platform.live",
		"www.quinn.my"} {
		if name, problem := ParseDomain(typed); problem == "" && policy.CheckDomain(name) == "" {
			t.Errorf("%q is free as %s", typed, name)
		}
	}
	policy.Defaults()
	if err := policy.Validate(); err != nil {
		t.Error(err)
	}
	policy.ReservedDomains = []string{"https://x.example/"}
	if policy.Validate() == nil {
		t.Error("an address is reserved as a domain")
	}
}
