package form

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/brand"
)

// Request turns the draft into a request. A domain that cannot be parsed stays as it was typed;
// package onboarding says what is wrong with it. Domains without a host get the first host, and a
// time without a zone is in that of now.
func (d Draft) Request(hosts []string, now time.Time) (onboarding.Request, FieldErrors) {
	request := onboarding.Request{Slug: d.Slug, DisplayName: d.Name, Email: d.Email, Mode: d.Mode, Org: d.org()}
	host := knownHost(d.Host, hosts)
	if (host == "" || host == PerDomain) && len(hosts) > 0 {
		host = hosts[0]
	}
	for _, name := range d.names() {
		request.Domains = append(request.Domains, onboarding.Domain{Name: name, Host: host, Mail: d.plan()})
	}
	problems := FieldErrors{}
	if d.Host == PerDomain {
		problems.Add(blockHosts,
			applyLines(request.Domains, d.Hosts, func(domain *onboarding.Domain, value string) string {
				domain.Host = knownHost(value, hosts)
				return ""
			}))
	}
	if d.Mail == PerDomain {
		problems.Add(BlockMails,
			applyLines(request.Domains, d.Mails, func(domain *onboarding.Domain, value string) (problem string) {
				domain.Mail, problem = parseMail(value)
				return problem
			}))
	}
	request.Brand, request.At = d.brand(problems), d.at(now, problems)
	return request, problems
}

// org is the Org to create or to join.
func (d Draft) org() onboarding.Org {
	switch d.Mode {
	case onboarding.ModeOwner:
		return onboarding.Org{Slug: d.OrgSlug, Name: d.OrgName}
	case onboarding.ModeMember:
		return onboarding.Org{Slug: d.Join}
	}
	return onboarding.Org{}
}

// knownHost returns a host as it is configured, since phones begin words with a capital letter.
// It returns an unknown host as it was typed.
func knownHost(typed string, hosts []string) string {
	if at := slices.IndexFunc(hosts, func(host string) bool { return strings.EqualFold(host, typed) }); at >= 0 {
		return hosts[at]
	}
	return typed
}

// names returns the domains as DNS has them, or as they were typed if they cannot be parsed.
func (d Draft) names() []string {
	names := strings.FieldsFunc(d.Domains, func(r rune) bool { return strings.ContainsRune(", ;\n\r\t", r) })
	for i, typed := range names {
		if parsed, problem := onboarding.ParseDomain(typed); problem == "" {
			names[i] = parsed
		}
	}
	return names
}

// mailNone is the option for no mail, since an option cannot have an empty value.
const mailNone = "none"

// plan is the mail plan of all domains.
func (d Draft) plan() onboarding.Mail {
	if d.Mail == PerDomain {
		return onboarding.Mail{}
	}
	mail := onboarding.Mail{Plan: onboarding.MailPlan(d.Mail)}
	if mail.Plan == onboarding.MailForward {
		mail.Forward = d.Forward
	}
	return mail
}

// parseMail parses a mail plan: none, mailbox, or forward with an address.
func parseMail(text string) (mail onboarding.Mail, problem string) {
	word, address, _ := strings.Cut(strings.TrimSpace(text), " ")
	if before, after, found := strings.Cut(word, ":"); found {
		word, address = before, after+address
	}
	switch strings.ToLower(word) {
	case "none", "no":
		return onboarding.Mail{}, ""
	case "mailbox":
		return onboarding.Mail{Plan: onboarding.MailMailbox}, ""
	case "forward", "forwarding":
		return onboarding.Mail{Plan: onboarding.MailForward, Forward: strings.TrimSpace(address)}, ""
	}
	return onboarding.Mail{}, fmt.Sprintf("%s is not a mail plan. Write none, mailbox or forward me@example.com.",
		mrkdwn.Shorten(text))
}

// applyLines reads lines such as "merche.example: mailbox" and applies each to its domain.
func applyLines(
	domains []onboarding.Domain, lines string, set func(domain *onboarding.Domain, value string) string,
) string {
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			name, value, found = strings.Cut(line, " ")
		}
		value = strings.TrimSpace(value)
		if !found || value == "" {
			return fmt.Sprintf("Write one line per domain that differs, such as merche.example: … "+
				"This line is wrong: %s",
				mrkdwn.Shorten(line))
		}
		if parsed, problem := onboarding.ParseDomain(name); problem == "" {
			name = parsed
		}
		at := slices.IndexFunc(domains, func(domain onboarding.Domain) bool { return domain.Name == name })
		if at < 0 {
			return fmt.Sprintf("%s is not one of the domains above.", mrkdwn.Shorten(name))
		}
		if problem := set(&domains[at], value); problem != "" {
			return problem
		}
	}
	return ""
}

// brand returns the Org's brand, nil if nothing was typed. Colours that were left out are the
// default ones.
func (d Draft) brand(problems FieldErrors) *onboarding.Brand {
	if d.Copy == "" && d.Palette == "" && d.Logo == "" {
		return nil
	}
	text, problem := brand.CheckCopy(d.Copy)
	problems.Add(blockCopy, problem)
	palette, wrong := brand.ParsePalette(d.Palette)
	palette = palette.Or(brand.DefaultPalette)
	if len(wrong) == 0 {
		wrong = palette.Check()
	}
	for _, field := range []brand.Field{brand.FieldBackground, brand.FieldText, brand.FieldPrimary,
		brand.FieldAccent} {
		problems.Add(blockPalette, wrong[field])
	}
	return &onboarding.Brand{Copy: text, Palette: palette, Logo: d.Logo}
}
