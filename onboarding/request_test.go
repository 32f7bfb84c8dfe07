package onboarding_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestCheckSlug(t *testing.T) {
	t.Parallel()
	const kebab = "A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, such " +
		"as merche-biche."
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
		"": false, "merche": false, "merche@": false, "@example.com": false, "merche@localhost": false,
		"Merche <merche@example.com>": false,
		"a b@example.com":             false, "merche@example.com\n": false, "mérche@example.com": false,
		"-oProxy@example.com": false,
		`"a b"@example.com`:   false, "a@b@example.com": false, "merche@.com": false, "a\u202e@example.com": false,
		strings.Repeat("a", 250) + "@example.com": false, strings.Repeat("a", 64) + "@example.com": true,
		strings.Repeat("a", 65) + "@example.com": false,
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
		"merche-biche.com":    {Name: "merche-biche.com"},
		" Merche-Biche.COM. ": {Name: "merche-biche.com"},
		"sub.merche.co.uk":    {Name: "sub.merche.co.uk"},
		"mérche.example":      {Name: "xn--mrche-bsa.example"},
		"":                    {Problem: "Give a domain, such as merche-biche.com."},
		"https://u:p@WWW.merche.com:8/x": {Problem: "https://u:p@WWW.merche.com:8/x is not a bare domain: write " +
			"merche.com."},
		"merche.com:8080": {Problem: "merche.com:8080 is not a bare domain: write merche.com."},
		"me@merche.com":   {Problem: "me@merche.com is not a bare domain: write merche.com."},
		"*.merche.com":    {Problem: "*.merche.com is not a bare domain: write merche.com."},
		"https://co.uk/": {Problem: "https://co.uk/ is not a bare domain: leave out https:// and " +
			"everything after the name."},
		"merche\u202e.com": {Problem: "merche\ufffd.com is not a valid domain name" + letters},
		"co.uk": {Problem: "co.uk is a public suffix that nobody can own: put a name in " +
			"front of it."},
		"com": {Problem: "com is not a complete domain name: an ending such as .com is " +
			"missing."},
		"www.merche.com":   {Problem: "Leave out www.: merche.com gets it automatically."},
		"192.0.2.1":        {Problem: "192.0.2.1 is an address, not a domain name."},
		"merche_biche.com": {Problem: "merche_biche.com is not a valid domain name" + letters},
		"-x.com":           {Problem: "-x.com is not a valid domain name" + letters},
		"merche..com":      {Problem: "merche..com is not a valid domain name" + letters},
		"x;rm -rf /.com": {Problem: "x;rm -rf /.com is not a bare domain: leave out https:// and " +
			"everything after the name."},
		"a$(id).com":                     {Problem: "a$(id).com is not a valid domain name" + letters},
		strings.Repeat("a", 64) + ".com": {Problem: strings.Repeat("a", 60) + "… is not a valid domain name" + letters},
	} {
		name, problem := onboarding.ParseDomain(text)
		if diff := cmp.Diff(want, result{name, problem}); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
