package onboarding

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/atlilith/onboardbot/onboarding/visible"
)

// Domain is one site of the Provider, served together with its www. name.
type Domain struct {
	// Name in its ASCII form (RFC 5890 A-label), lower case, without a trailing dot.
	Name string `json:"name"`
	// Host is the configured VPS that the domain points at. Empty: the configuration's own
	// choice.
	Host string `json:"host"`
	// Mail is what happens to mail for the domain.
	Mail Mail `json:"mail,omitzero"`
}

// Names returns the two names that the site answers to.
func (d Domain) Names() []string { return []string{d.Name, "www." + d.Name} }

// asciiForm converts a name to what DNS requires: RFC 5891 lookup, with labels of letters, digits
// and hyphens of at most 63 octets.
var asciiForm = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ParseDomain converts a domain as people write it to the form that DNS requires, or returns a
// sentence about what is wrong with it.
func ParseDomain(text string) (name, problem string) {
	text = strings.TrimSuffix(strings.TrimSpace(text), ".")
	switch {
	case text == "":
		return "", "Give a domain, such as merche-biche.com."
	case len(text) > 1000:
		return "", "A domain has at most 253 characters."
	case strings.Contains(text, "://") || strings.ContainsAny(text, "/@: *"):
		if meant := bareDomain(text); meant != "" {
			return "", fmt.Sprintf("%s is not a bare domain: write %s.", shorten(text), meant)
		}
		return "", fmt.Sprintf("%s is not a bare domain: leave out https:// and everything after the name.",
			shorten(text))
	}
	name, err := asciiForm.ToASCII(text)
	// 4 octets are kept for "www." (RFC 1035 §2.3.4: 253 visible octets).
	if err != nil || len(name) > 249 {
		return "", fmt.Sprintf("%s is not a valid domain name: letters, digits and hyphens with dots between, "+
			"such as merche-biche.com.", shorten(text))
	}
	if word := visible.Mixed(text); word != "" {
		return "", fmt.Sprintf("%s has letters of several alphabets that look alike, %s: such a name imitates another.",
			shorten(text), visible.Text(word))
	}
	if !strings.Contains(name, ".") {
		return "", fmt.Sprintf("%s is not a complete domain name: an ending such as .com is missing.", shorten(text))
	}
	if name[len(name)-1] >= '0' && name[len(name)-1] <= '9' {
		return "", fmt.Sprintf("%s is an address, not a domain name.", shorten(text))
	}
	if publicSuffix(name) {
		return "", fmt.Sprintf("%s is a public suffix that nobody can own: put a name in front of it.", name)
	}
	if strings.HasPrefix(name, "www.") {
		return "", fmt.Sprintf("Leave out www.: %s gets it automatically.", strings.TrimPrefix(name, "www."))
	}
	return name, ""
}

// bareDomain returns the domain within an address of a page, an email address or a wildcard, such
// as people copy from somewhere. It returns nothing where that cannot be told.
func bareDomain(text string) string {
	if _, after, found := strings.Cut(text, "://"); found {
		text = after
	}
	text, _, _ = strings.Cut(text, "/")
	text = text[strings.LastIndexByte(text, '@')+1:]
	text, _, _ = strings.Cut(text, ":")
	text = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(text), "*."), "www.")
	if strings.ContainsAny(text, "/@: *") {
		return ""
	}
	name, problem := ParseDomain(text)
	if problem != "" {
		return ""
	}
	return name
}

func publicSuffix(name string) bool {
	_, err := publicsuffix.EffectiveTLDPlusOne(name)
	return err != nil
}
