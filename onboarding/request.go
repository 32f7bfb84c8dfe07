package onboarding

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Mode is how the Provider operates on the platform.
type Mode string

// The three operating modes of the runbook.
const (
	ModePerson Mode = "person" // a standalone Provider
	ModeOwner  Mode = "owner"  // a Person who owns a new Org
	ModeMember Mode = "member" // a Person who joins an existing Org
)

// Modes lists every mode in the order in which people are offered them.
var Modes = []Mode{ModePerson, ModeOwner, ModeMember}

// String names the mode as operators say it.
func (m Mode) String() string {
	switch m {
	case ModePerson:
		return "Person-only"
	case ModeOwner:
		return "Person + owns Org"
	case ModeMember:
		return "Person joins existing Org"
	}
	return string(m)
}

// Org is the Org of a request: the one to create for [ModeOwner], the one to join for
// [ModeMember].
type Org struct {
	Slug string `json:"slug"`
	Name string `json:"name"`
}

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

// Request is what the runbook asks to gather before starting.
type Request struct {
	Slug        string   `json:"slug"`
	DisplayName string   `json:"display_name"`
	Email       string   `json:"email"`
	Mode        Mode     `json:"mode"`
	Org         Org      `json:"org"`
	Domains     []Domain `json:"domains"`
	// Brand is how the Org's sites look, nil where nothing was said. Only for [ModeOwner].
	Brand *Brand `json:"brand,omitempty"`
}

// Field names one input of a request, so that what is wrong can be said at its place.
type Field string

// The inputs of a request.
const (
	FieldSlug    Field = "slug"
	FieldName    Field = "name"
	FieldEmail   Field = "email"
	FieldMode    Field = "mode"
	FieldOrg     Field = "org"
	FieldOrgName Field = "org_name"
	FieldDomains Field = "domains"
	FieldHost    Field = "host"
	FieldMail    Field = "mail"
	FieldBrand   Field = "brand"
)

// Limits of the inputs, in characters.
const (
	MaxSlug        = 40 // leaves room in a DNS label (RFC 1035 §2.3.4: 63 octets) and in file names
	MaxDisplayName = 80
	MaxEmail       = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
	MaxDomains     = 10

	maxLocalPart = 64 // RFC 5321 §4.5.3.1.1
)

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// CheckSlug says what is wrong with the form of a slug, as a sentence, or nothing. Reserved slugs
// come from the configuration.
func CheckSlug(slug string, reserved []string) string {
	switch {
	case slug == "":
		return "Give a slug, such as merche-biche."
	case utf8.RuneCountInString(slug) > MaxSlug:
		return fmt.Sprintf("A slug has at most %d characters; this one has %d.", MaxSlug, utf8.RuneCountInString(slug))
	case !slugForm.MatchString(slug):
		return "A slug is kebab-case: lower-case letters a-z and digits, with single hyphens between them, " +
			"such as merche-biche."
	case slices.Contains(reserved, slug):
		return fmt.Sprintf("The slug %s is reserved for the platform; choose another.", slug)
	}
	return ""
}

// CheckText says what is wrong with a line of free text: empty, too long, not UTF-8, or with
// characters that do not print. Of the characters that only steer how others are shown, two stay:
// those that join emoji and the letters of some scripts. The rest make a line read as something
// that it is not (Unicode TR36 §2.3), or two names look the same.
func CheckText(what, text string, limit int) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "Give " + what + "."
	case !utf8.ValidString(text):
		return "This is not valid UTF-8 text."
	case utf8.RuneCountInString(text) > limit:
		return fmt.Sprintf("At most %d characters; this has %d.", limit, utf8.RuneCountInString(text))
	}
	for _, r := range text {
		if r == zeroWidthNonJoiner || r == zeroWidthJoiner {
			continue
		}
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return fmt.Sprintf("The character %U cannot be printed: remove it.", r)
		}
	}
	return ""
}

const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
)

// CheckEmail says what is wrong with an address, as a sentence, or nothing. Only a bare ASCII
// addr-spec (RFC 5322 §3.4.1) whose domain has a dot is taken: it also becomes the account of an
// ACME client.
func CheckEmail(address string) string {
	if problem := CheckText("an email address", address, MaxEmail); problem != "" {
		return problem
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address || strings.HasPrefix(address, "-") {
		return "This is not an email address, such as merche@example.com."
	}
	at := strings.LastIndexByte(address, '@')
	if at > maxLocalPart {
		return fmt.Sprintf("At most %d characters may come before the @; this has %d.", maxLocalPart, at)
	}
	domain := address[at+1:]
	if ascii, err := asciiForm.ToASCII(domain); err != nil || !strings.Contains(ascii, ".") {
		return "The part after the @ is not a domain."
	}
	for _, r := range address {
		if r > unicode.MaxASCII || r == '"' || unicode.IsSpace(r) {
			return "Only plain ASCII addresses are supported, without quotes or spaces."
		}
	}
	return ""
}

// asciiForm is what DNS wants of a name: RFC 5891 look-up with labels of letters, digits and
// hyphens, none longer than 63.
var asciiForm = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// ParseDomain brings a domain as people write it into the form that DNS wants, or says what is
// wrong with it as a sentence.
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

// bareDomain is the domain within what somebody copied from somewhere: an address of a page or of
// mail, a wildcard. It is empty where that cannot be told.
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

// shorten is the beginning of what somebody typed, as it can stand in a sentence: what does not
// print would bend the rest of it.
func shorten(text string) string {
	const limit = 60
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, text)
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}

// Check finds every problem of a request that can be found without asking the platform or the
// repository.
func (r Request) Check(reserved, hosts []string) Problems {
	problems := Problems{}
	problems.Add(FieldSlug, CheckSlug(r.Slug, reserved))
	problems.Add(FieldName, CheckText("the display name", r.DisplayName, MaxDisplayName))
	problems.Add(FieldEmail, CheckEmail(r.Email))
	switch r.Mode {
	case ModePerson:
	case ModeOwner:
		problems.Add(FieldOrg, CheckSlug(r.Org.Slug, reserved))
		if r.Org.Slug == r.Slug {
			problems.Add(FieldOrg, "The Org needs a slug of its own: slugs are unique across people and Orgs.")
		}
		problems.Add(FieldOrgName, CheckText("the Org's name", r.Org.Name, MaxDisplayName))
	case ModeMember:
		if r.Org.Slug == "" {
			problems.Add(FieldOrg, "Choose the Org to join.")
		}
	default:
		problems.Add(FieldMode, "Choose how the Provider operates.")
	}
	switch {
	case len(r.Domains) == 0:
		problems.Add(FieldDomains, "Give at least one domain.")
	case len(r.Domains) > MaxDomains:
		problems.Add(FieldDomains,
			fmt.Sprintf("A run has at most %d domains; this has %d.", MaxDomains, len(r.Domains)))
	}
	seen := map[string]bool{}
	wrong := map[Mail]bool{}
	for _, domain := range r.Domains[:min(len(r.Domains), MaxDomains)] {
		name, problem := ParseDomain(domain.Name)
		switch {
		case problem != "":
			problems.Append(FieldDomains, problem)
		case name != domain.Name:
			problems.Append(FieldDomains, fmt.Sprintf("Write %[2]s instead of %[1]s.", shorten(domain.Name), name))
		case seen[name]:
			problems.Append(FieldDomains, name+" is listed twice.")
		}
		seen[name] = true
		if domain.Host != "" && !slices.Contains(hosts, domain.Host) {
			problems.Append(FieldHost, fmt.Sprintf("%s is not one of the configured hosts: %s.",
				shorten(domain.Host), strings.Join(hosts, ", ")))
		}
		if problem := domain.Mail.check(domain.Name); problem != "" && !wrong[domain.Mail] {
			wrong[domain.Mail] = true
			problems.Append(FieldMail, problem)
		}
	}
	if r.Brand != nil {
		problems.Add(FieldBrand, r.Brand.check(r.Mode))
	}
	return problems
}

// AddDomains adds the domains that the request does not have yet.
func (r *Request) AddDomains(domains []Domain) {
	for _, domain := range domains {
		if !slices.ContainsFunc(r.Domains, func(own Domain) bool { return own.Name == domain.Name }) {
			r.Domains = append(r.Domains, domain)
		}
	}
}
