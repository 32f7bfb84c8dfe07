package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/mail"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// lockMail is held by commands that change keys, mailboxes and forwards on a host.
const lockMail = "mail"

// siteMail is what the mail of sites needs: keys, records, and commands that make a mailbox or a
// forward.
type siteMail struct {
	config   settings.Mail
	plans    []onboarding.MailPlan // those that the configuration has a pattern for
	hosts    map[string]*hosts.Host
	resolver *dns.Resolver
}

// keyFiles are the keys that sign the mail of a domain.
func (m *siteMail) keyFiles(domain string, plan onboarding.Mail) []mail.KeyFile {
	return m.config.Files(domain, settings.PlanOf(plan))
}

// publicKeys reads the public halves of the site's keys on their host. A key that is not made yet
// is among the missing.
func (m *siteMail) publicKeys(
	ctx context.Context, s *site.Site,
) (keys []mail.PublicKey, missing []mail.KeyFile, err error) {
	files := m.keyFiles(s.Domain, s.Mail)
	found := make([]mail.PublicKey, len(files))
	exists := make([]bool, len(files))
	group, ctx := routine.WithContext(ctx)
	for i, file := range files {
		group.Go(func() error {
			out, err := m.hosts[m.config.DKIM.Host].Output(ctx, hosts.Command{Argv: file.Read()})
			if exit, ok := errors.AsType[*hosts.ExitError](err); ok { // without the text of the script
				err = fmt.Errorf("%s: %s: %s", exit.Host, file.Path, exit.Tail)
			}
			if err == nil {
				found[i], exists[i], err = file.Parse(out)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, fmt.Errorf("DKIM key of %s: %w", s.Domain, err)
	}
	for i, file := range files {
		if exists[i] {
			keys = append(keys, found[i])
		} else {
			missing = append(missing, file)
		}
	}
	return keys, missing, nil
}

// pattern are the records of the configured pattern for the site's plan.
func (m *siteMail) pattern(s *site.Site, keys []mail.PublicKey) ([]dns.Record, error) {
	if !slices.Contains(m.plans, s.Mail.Plan) {
		return nil, onboarding.Conflictf("Configure its pattern under mail, or choose the mail plan none.",
			"%s should get mail (%s), which is not configured.", s.Domain, s.Mail.Plan)
	}
	return m.config.Records(s.Domain, settings.PlanOf(s.Mail), keys)
}

// records are those of a pattern, fitted to the records that exist already. Its notes say what is
// kept of others. The state must hold the sets of the pattern.
func (m *siteMail) records(ctx context.Context, s *site.Site, pattern []dns.Record,
	seen dns.State) (mail.Merged, error) {
	merged, err := mail.Zone{Domain: s.Domain, Resolver: m.resolver}.Merge(ctx, pattern, mail.Existing(seen))
	if theirs, ok := errors.AsType[*mail.ConflictError](err); ok {
		return merged, &onboarding.ConflictError{What: theirs.What, Fix: theirs.Fix}
	}
	return merged, err
}

// setup are the commands that make what a plan needs beyond the DNS.
func (m *siteMail) setup(plan onboarding.MailPlan) settings.MailCommands {
	return m.config.Setup.For(plan)
}

// mailNoun names what the plan of a site needs beyond the DNS.
func mailNoun(s *site.Site) string {
	if s.Mail.Plan == onboarding.MailForward {
		return "forward of mail for " + s.Domain + " to " + s.Mail.Forward
	}
	return "mailbox of " + s.Domain
}

// preflight finds what would stop the site's mail: a plan without a pattern, mail that is
// delivered elsewhere, a host without openssl.
func (m *siteMail) preflight(ctx context.Context, s *site.Site) []onboarding.Finding {
	if s.Mail.Plan == onboarding.MailNone {
		return nil
	}
	name := "mail of " + s.Domain
	merged, err := m.planned(ctx, s)
	switch {
	case errors.Is(err, dns.ErrNoZone):
		return nil // the check of the zone reports it
	case err != nil:
		return []onboarding.Finding{onboarding.Failing(name, "Correct this, then retry.", "%v", err)}
	}
	detail := strings.ToLower(s.Mail.Plan.String())
	for _, note := range merged.Notes {
		detail += "; " + note
	}
	return []onboarding.Finding{onboarding.Passed(name, "%s", detail)}
}

// planned are the records that the site's mail will need, before its keys are made.
func (m *siteMail) planned(ctx context.Context, s *site.Site) (mail.Merged, error) {
	pattern, err := m.pattern(s, nil)
	if err != nil {
		return mail.Merged{}, err
	}
	if len(m.keyFiles(s.Domain, s.Mail)) > 0 {
		_, err = m.hosts[m.config.DKIM.Host].Output(ctx,
			hosts.Command{Argv: []string{"sh", "-c", "command -v openssl"}})
		if hosts.IsExit(err, 127) || hosts.IsExit(err, 1) {
			err = fmt.Errorf("openssl, which makes its DKIM key, is not installed on %s", m.config.DKIM.Host)
		}
		if err != nil {
			return mail.Merged{}, err
		}
	}
	seen, err := m.resolver.Observe(ctx, s.Domain, dns.Questions(pattern))
	if err != nil {
		return mail.Merged{}, err
	}
	return m.records(ctx, s, pattern, seen)
}

// verify finds whether the site's mail works, and what is left to be done by hand.
func (m *siteMail) verify(ctx context.Context, s *site.Site) []onboarding.Finding {
	if s.Mail.Plan == onboarding.MailNone {
		return nil
	}
	name := "mail of " + s.Domain
	const fix = "Correct it where the zone is hosted, then press Retry."
	checks, err := m.checks(ctx, s)
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, fix, "%v", err)}
	}
	var findings []onboarding.Finding
	for _, check := range checks {
		if check.Status != dns.OK {
			findings = append(findings, onboarding.Failing(name, fix, "%s", check.Sentence))
		}
	}
	if len(findings) == 0 {
		findings = append(findings, onboarding.Passed(name,
			"every name server returns the %d records, and what they name works", len(checks)))
	}
	if m.setup(s.Mail.Plan).Make == nil {
		findings = append(findings, onboarding.Doubtful("to do by hand",
			"Its DNS records exist. Configure mail.setup to have it made automatically from now on.", "Make the %s.",
			mailNoun(s)))
	}
	return findings
}

// checks verifies the records of the site's mail at every name server.
func (m *siteMail) checks(ctx context.Context, s *site.Site) ([]mail.Check, error) {
	keys, missing, err := m.publicKeys(ctx, s)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("the key %s no longer exists on %s", missing[0].Path, m.config.DKIM.Host)
	}
	pattern, err := m.pattern(s, keys)
	if err != nil {
		return nil, err
	}
	seen, err := m.resolver.Observe(ctx, s.Domain, dns.Questions(pattern))
	if err != nil {
		return nil, err
	}
	merged, err := m.records(ctx, s, pattern, seen)
	if err != nil {
		return nil, err
	}
	return mail.Zone{Domain: s.Domain, Resolver: m.resolver}.Verify(ctx, merged.Records)
}
