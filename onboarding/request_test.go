package onboarding_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestCheckSlug(t *testing.T) {
	t.Parallel()
	const kebab = "A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, such as merche-biche."
	for slug, want := range map[string]string{
		"merche-biche":           "",
		"transquinnftw":          "",
		"a1":                     "",
		"":                       "Give a slug, such as merche-biche.",
		"Merche":                 kebab,
		"x;rm -rf /":             kebab,
		"../..":                  kebab,
		"<!channel>":             kebab,
		"-x":                     kebab,
		"x--y":                   kebab,
		"a\x00b":                 kebab,
		"mérche":                 kebab,
		"www":                    "The slug www is reserved for the platform; choose another.",
		strings.Repeat("a", 300): "A slug has at most 40 characters; this one has 300.",
	} {
		if got := onboarding.CheckSlug(slug, []string{"www"}); got != want {
			t.Errorf("%q: %q, want %q", slug, got, want)
		}
	}
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"merche@example.com": true, "m.b+x@sub.example.com": true,
		"": false, "merche": false, "merche@": false, "@example.com": false, "merche@localhost": false, "Merche <merche@example.com>": false,
		"a b@example.com": false, "merche@example.com\n": false, "mérche@example.com": false, "-oProxy@example.com": false,
		`"a b"@example.com`: false, "a@b@example.com": false, "merche@.com": false, "a\u202e@example.com": false,
		strings.Repeat("a", 250) + "@example.com": false, strings.Repeat("a", 64) + "@example.com": true, strings.Repeat("a", 65) + "@example.com": false,
	} {
		if got := onboarding.CheckEmail(address); (got == "") != ok {
			t.Errorf("%q: %q", address, got)
		}
	}
}

func TestParseDomain(t *testing.T) {
	t.Parallel()
	type result struct{ Name, Problem string }
	const letters = ": letters, digits and hyphens with dots between, such as merche-biche.com."
	for text, want := range map[string]result{
		"merche-biche.com":               {Name: "merche-biche.com"},
		" Merche-Biche.COM. ":            {Name: "merche-biche.com"},
		"sub.merche.co.uk":               {Name: "sub.merche.co.uk"},
		"mérche.example":                 {Name: "xn--mrche-bsa.example"},
		"":                               {Problem: "Give a domain, such as merche-biche.com."},
		"https://u:p@WWW.merche.com:8/x": {Problem: "https://u:p@WWW.merche.com:8/x is not a bare domain: write merche.com."},
		"merche.com:8080":                {Problem: "merche.com:8080 is not a bare domain: write merche.com."},
		"me@merche.com":                  {Problem: "me@merche.com is not a bare domain: write merche.com."},
		"*.merche.com":                   {Problem: "*.merche.com is not a bare domain: write merche.com."},
		"https://co.uk/":                 {Problem: "https://co.uk/ is not a bare domain: leave out https:// and everything behind the name."},
		"merche\u202e.com":               {Problem: "merche\ufffd.com is not a valid domain name" + letters},
		"co.uk":                          {Problem: "co.uk is a public suffix that nobody can own; a name in front of it is missing."},
		"com":                            {Problem: "com is no whole domain name: an ending such as .com is missing."},
		"www.merche.com":                 {Problem: "Leave out www.: merche.com gets it by itself."},
		"192.0.2.1":                      {Problem: "192.0.2.1 is an address, not a domain name."},
		"merche_biche.com":               {Problem: "merche_biche.com is not a valid domain name" + letters},
		"-x.com":                         {Problem: "-x.com is not a valid domain name" + letters},
		"merche..com":                    {Problem: "merche..com is not a valid domain name" + letters},
		"x;rm -rf /.com":                 {Problem: "x;rm -rf /.com is not a bare domain: leave out https:// and everything behind the name."},
		"a$(id).com":                     {Problem: "a$(id).com is not a valid domain name" + letters},
		strings.Repeat("a", 64) + ".com": {Problem: strings.Repeat("a", 60) + "… is not a valid domain name" + letters},
	} {
		name, problem := onboarding.ParseDomain(text)
		if diff := cmp.Diff(want, result{name, problem}); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestWhatIsWrongIsSaidAtItsField(t *testing.T) {
	t.Parallel()
	h := newHouse(t, onboarding.Config{ReservedSlugs: []string{"www"}})
	good := request("merche-biche")
	for name, test := range map[string]struct {
		change func(*onboarding.Request)
		want   onboarding.Problems
	}{
		"nothing": {func(*onboarding.Request) {}, nil},
		"an email that somebody has": {func(r *onboarding.Request) { r.Email = "quinn@example.com" },
			onboarding.Problems{"email": "quinn@example.com is the address of the Provider quinn."}},
		"an Org's slug": {func(r *onboarding.Request) { r.Slug = "cocotte" }, onboarding.Problems{"slug": "cocotte is taken by an Org."}},
		"an Org that is not there": {func(r *onboarding.Request) { r.Mode, r.Org.Slug = onboarding.ModeMember, "nobody" },
			onboarding.Problems{"org": "There is no Org nobody."}},
		"an Org that is there": {func(r *onboarding.Request) { r.Mode, r.Org.Slug = onboarding.ModeMember, "cocotte" }, nil},
		"a new Org with a taken slug": {func(r *onboarding.Request) {
			r.Mode, r.Org = onboarding.ModeOwner, onboarding.Org{Slug: "cocotte", Name: "Cocotte"}
		}, onboarding.Problems{"org": "cocotte is taken by an Org."}},
		"a new Org with the Person's slug": {func(r *onboarding.Request) {
			r.Mode, r.Org = onboarding.ModeOwner, onboarding.Org{Slug: r.Slug, Name: "Merche"}
		}, onboarding.Problems{"org": "The Org needs a slug of its own: slugs are unique over people and Orgs."}},
		"a deployed domain": {func(r *onboarding.Request) { r.Domains[0].Name = "cocotte.com" },
			onboarding.Problems{"domains": "cocotte.com is deployed already."}},
		"a domain twice": {func(r *onboarding.Request) { r.Domains = append(r.Domains, r.Domains[0]) },
			onboarding.Problems{"domains": "merche-biche.com is named twice."}},
		"every domain is wrong": {func(r *onboarding.Request) {
			r.Domains = []onboarding.Domain{{Name: "co.uk"}, {Name: "cocotte.com"}, {Name: "merche"}, {Name: "co.uk"}}
		}, onboarding.Problems{"domains": "co.uk is a public suffix that nobody can own; a name in front of it is missing. " +
			"merche is no whole domain name: an ending such as .com is missing."}},
		"what does not print in a name": {func(r *onboarding.Request) { r.DisplayName = "mer\u200bche" },
			onboarding.Problems{"name": "The character U+200B does not print; remove it."}},
		"what joins emoji": {func(r *onboarding.Request) { r.DisplayName = "Merche 👩\u200d👧" }, nil},
		"mail that comes back": {func(r *onboarding.Request) {
			r.Domains[0].Mail = onboarding.Mail{Plan: onboarding.MailForward, Forward: "me@Merche-Biche.com"}
		}, onboarding.Problems{"mail": "Mail for merche-biche.com would be forwarded to itself and go round in circles: give an address elsewhere."}},
		"no domain": {func(r *onboarding.Request) { r.Domains = nil }, onboarding.Problems{"domains": "Give at least one domain."}},
		"everything": {func(r *onboarding.Request) { *r = onboarding.Request{Slug: "www", Email: "x", DisplayName: "a\x07"} },
			onboarding.Problems{"slug": "The slug www is reserved for the platform; choose another.", "email": "This is not an email address, such as merche@example.com.",
				"name": "The character U+0007 does not print; remove it.", "mode": "Choose how they operate.", "domains": "Give at least one domain."}},
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
	h := newHouse(t, onboarding.Config{})
	h.begin("merche-biche")
	other := request("other")
	other.Domains[0].Name = "merche-biche.com"
	want := onboarding.Problems{"domains": "merche-biche.com is part of the run of merche-biche."}
	problems, _ := errors.AsType[onboarding.Problems](h.Check(t.Context(), other))
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
	again, _ := errors.AsType[onboarding.Problems](h.Check(t.Context(), request("merche-biche")))
	if diff := cmp.Diff(onboarding.Problems{"slug": "merche-biche is being onboarded already: see /onboard status merche-biche."}, again); diff != "" {
		t.Error(diff)
	}
}
