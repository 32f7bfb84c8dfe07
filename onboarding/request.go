package onboarding

import (
	"fmt"
	"slices"
	"strings"
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

// Request is what the runbook asks to gather before starting.
type Request struct {
	Slug        string   `json:"slug"`
	DisplayName string   `json:"display_name"`
	Email       string   `json:"email"`
	Mode        Mode     `json:"mode"`
	Org         Org      `json:"org"`
	Domains     []Domain `json:"domains"`
	// Brand is how the Org's sites look, nil where none was given. Only for [ModeOwner].
	Brand *Brand `json:"brand,omitempty"`
	// At is when its changes may be applied first, nil for at once.
	At *Moment `json:"at,omitempty"`
}

// Field names one input of a request, so a problem can be shown beside it.
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

// Check finds every problem of a request that can be found without asking the platform or the
// repository.
func (r Request) Check(reserved, hosts []string) Problems {
	problems := Problems{}
	problems.Add(FieldSlug, CheckSlug(r.Slug, reserved))
	problems.Add(FieldName, CheckText("the display name", r.DisplayName, MaxDisplayName))
	problems.Add(FieldEmail, CheckEmail(r.Email))
	r.checkMode(reserved, problems)
	r.checkDomains(hosts, problems)
	if r.Brand != nil {
		problems.Add(FieldBrand, r.Brand.check(r.Mode))
	}
	return problems
}

// checkMode finds what is wrong with how the Provider operates, and with the Org.
func (r Request) checkMode(reserved []string, problems Problems) {
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
}

// checkDomains finds what is wrong with the domains, their hosts and their mail.
func (r Request) checkDomains(hosts []string, problems Problems) {
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
			problems.Append(FieldDomains, fmt.Sprintf("Write %s instead of %s.", name, shorten(domain.Name)))
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
}

// AddDomains adds the domains that the request does not have yet.
func (r *Request) AddDomains(domains []Domain) {
	for _, domain := range domains {
		if !slices.ContainsFunc(r.Domains, func(own Domain) bool { return own.Name == domain.Name }) {
			r.Domains = append(r.Domains, domain)
		}
	}
}
