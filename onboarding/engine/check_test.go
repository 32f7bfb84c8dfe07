package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestProblemsAreReportedAtTheirFields(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{ReservedSlugs: []string{"www"}})
	good := request("merche-biche")
	for name, test := range map[string]struct {
		change func(*onboarding.Request)
		want   onboarding.Problems
	}{
		"nothing": {func(*onboarding.Request) {}, nil},
		"an email that somebody has": {func(r *onboarding.Request) { r.Email = "quinn@example.com" },
			onboarding.Problems{"email": "quinn@example.com is the address of the Provider quinn. " +
				"Each needs one of their own."}},
		"an Org's slug": {func(r *onboarding.Request) { r.Slug = "cocotte" },
			onboarding.Problems{"slug": "cocotte is taken by an Org. Choose another slug."}},
		"an Org that is not there": {func(r *onboarding.Request) {
			r.Mode,
				r.Org.Slug = onboarding.ModeMember, "nobody"
		},
			onboarding.Problems{"org": "There is no Org nobody. Choose one that exists."}},
		"an Org that is there": {func(r *onboarding.Request) { r.Mode, r.Org.Slug = onboarding.ModeMember, "cocotte" },
			nil},
		"a new Org with a taken slug": {func(r *onboarding.Request) {
			r.Mode, r.Org = onboarding.ModeOwner, onboarding.Org{Slug: "cocotte", Name: "Cocotte"}
		}, onboarding.Problems{"org": "cocotte is taken by an Org. Choose another slug."}},
		"a new Org with the Person's slug": {func(r *onboarding.Request) {
			r.Mode, r.Org = onboarding.ModeOwner, onboarding.Org{Slug: r.Slug, Name: "Merche"}
		}, onboarding.Problems{"org": "The Org needs a slug of its own: slugs are unique across people and Orgs."}},
		"a deployed domain": {func(r *onboarding.Request) { r.Domains[0].Name = "cocotte.com" },
			onboarding.Problems{"domains": "cocotte.com is already deployed: its folder is in the repository. " +
				"Leave it out, or have its onboarding undone or its folder removed first."}},
		"a domain twice": {func(r *onboarding.Request) { r.Domains = append(r.Domains, r.Domains[0]) },
			onboarding.Problems{"domains": "merche-biche.com is listed twice."}},
		"every domain is wrong": {func(r *onboarding.Request) {
			r.Domains = []onboarding.Domain{{Name: "co.uk"}, {Name: "cocotte.com"}, {Name: "merche"}, {Name: "co.uk"}}
		}, onboarding.Problems{"domains": "co.uk is a public suffix that nobody can own: put a name in front of it. " +
			"merche is not a complete domain name: an ending such as .com is missing."}},
		"what does not print in a name": {func(r *onboarding.Request) { r.DisplayName = "mer\u200bche" },
			onboarding.Problems{"name": "The character U+200B cannot be printed: remove it."}},
		"what joins emoji": {func(r *onboarding.Request) { r.DisplayName = "Merche 👩\u200d👧" }, nil},
		"mail that comes back": {func(r *onboarding.Request) {
			r.Domains[0].Mail = onboarding.Mail{Plan: onboarding.MailForward, Forward: "me@Merche-Biche.com"}
		}, onboarding.Problems{"mail": "Mail for merche-biche.com would be forwarded to itself. Give an address of " +
			"another domain."}},
		"no domain": {func(r *onboarding.Request) { r.Domains = nil },
			onboarding.Problems{"domains": "Give at least one domain."}},
		"everything": {func(r *onboarding.Request) {
			*r = onboarding.Request{Slug: "www", Email: "x",
				DisplayName: "a\x07"}
		},
			onboarding.Problems{"slug": "The slug www is reserved for the platform; choose another.",
				"email": "This is not an email address, such as merche@example.com.",
				"name":  "The character U+0007 cannot be printed: remove it.",
				"mode":  "Choose how the Provider operates.", "domains": "Give at least one domain."}},
	} {
		t.Run(name, func(t *testing.T) {
			request := good
			request.Domains = append([]onboarding.Domain{}, good.Domains...)
			test.change(&request)
			problems, _ := errors.AsType[onboarding.Problems](h.Check(context.Background(), request))
			if diff := cmp.Diff(test.want, problems); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOneDomainIsPartOfOneRun(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.begin("merche-biche")
	other := request("other")
	other.Domains[0].Name = "merche-biche.com"
	want := onboarding.Problems{"domains": "merche-biche.com is part of the run of merche-biche. " +
		"Leave it out, or wait until that run has ended."}
	problems, _ := errors.AsType[onboarding.Problems](h.Check(t.Context(), other))
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
	again, _ := errors.AsType[onboarding.Problems](h.Check(t.Context(), request("merche-biche")))
	if diff := cmp.Diff(onboarding.Problems{"slug": "merche-biche is already being onboarded: see /onboard status " +
		"merche-biche."}, again); diff != "" {
		t.Error(diff)
	}
}

// TestDomainsOfOthers asks for names below those of another Provider, while their run is active
// and once they are live.
func TestDomainsOfOthers(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{ReservedDomains: []string{"platform.example"},
		Portals: []string{"https://{slug}.my/"}})
	run := h.begin("merche-biche")
	for _, state := range []string{"active", "done"} {
		h.exec(`UPDATE runs SET state = $2, ended_at = CASE $2 WHEN 'done' THEN now() END WHERE id = $1`, run, state)
		h.exec(`UPDATE run_domains SET active = $2 WHERE run_id = $1`, run, state == "active")
		for name, want := range map[string]string{
			"shop.merche-biche.com": "shop.merche-biche.com overlaps with merche-biche.com, a domain of the Provider " +
				"merche-biche. Leave it out.",
			"notmerche-biche.com": "",
			"a.platform.example":  "platform.example is reserved for the platform; choose another.",
			"quinn.my":            "quinn.my is reserved for Providers' portals; choose another.",
		} {
			other := request("other")
			other.Domains[0].Name = name
			problems, _ := errors.AsType[onboarding.Problems](h.Check(t.Context(), other))
			if got := problems["domains"]; got != want {
				t.Errorf("%s, while the other is %s: %q, want %q", name, state, got, want)
			}
		}
	}
}
