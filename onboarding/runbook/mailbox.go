package runbook

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

const kindMail onboarding.Kind = "mail"

// mailStep makes the mailbox or forward of the domain, where the configuration has a command for
// it.
func mailStep(c *components) Step {
	m := &mailbox{c.mail}
	return Step{
		Kind: kindMail, Title: "Mail of", PerDomain: true, Destructive: true,
		Why:   "Without it, mail for the domain is not delivered.",
		After: []onboarding.Kind{kindPreflight},
		Applies: func(_ *onboarding.Run, domain onboarding.Domain) bool {
			return c.mail.setup(domain.Mail.Plan).Make != nil
		},
		Timeout: c.config.Mail.Setup.Timeout,
		Observe: m.observe,
		Allows: allowance{commands: oneOf(func(s *scope) []onboarding.Command {
			return []onboarding.Command{m.command(s.site, c.mail.setup(s.site.Mail.Plan).Make)}
		})}.allows,
		Undo: &Step{
			Title:   "Take back the mail of",
			Why:     "From here on, mail for the domain is not delivered.",
			Timeout: c.config.Mail.Setup.Timeout,
			Observe: m.observeUndo,
			Allows: allowance{commands: oneOf(func(s *scope) []onboarding.Command {
				return []onboarding.Command{m.command(s.site, c.mail.setup(s.site.Mail.Plan).Undo)}
			})}.allows,
		},
	}
}

type mailbox struct{ mail *siteMail }

// command is one of the configured commands, on their host.
func (m *mailbox) command(s *site.Site, pattern []string) onboarding.Command {
	return onboarding.Command{Host: m.mail.config.Setup.Host, Argv: s.ExpandAll(pattern), Lock: lockMail}
}

// exists reports whether what the site's plan needs beyond the DNS exists, by the configured
// check.
func (m *mailbox) exists(ctx context.Context, s *scope) (bool, error) {
	setup := m.mail.config.Setup
	_, err := m.mail.hosts[setup.Host].Output(ctx, hosts.Command{
		Argv:    s.site.ExpandAll(m.mail.setup(s.site.Mail.Plan).Check),
		Timeout: setup.Timeout,
	})
	switch {
	case err == nil:
		return true, nil
	case hosts.IsExit(err, 1):
		return false, nil
	}
	return false, fmt.Errorf("mail of %s: %w", s.site.Domain, err)
}

func (m *mailbox) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	exists, err := m.exists(ctx, s)
	if err != nil || exists {
		return onboarding.Observation{}, err
	}
	command := m.command(s.site, m.mail.setup(s.site.Mail.Plan).Make)
	return onboarding.Observation{Change: onboarding.Change{
		Summary: "Make the " + mailNoun(s.site), Items: []onboarding.Item{{Command: &command}},
	}}, nil
}

// observeUndo finds nothing to do when the mailbox or forward is gone. Without a command that
// removes it, somebody has to.
func (m *mailbox) observeUndo(ctx context.Context, s *scope) (onboarding.Observation, error) {
	exists, err := m.exists(ctx, s)
	if err != nil || !exists {
		return onboarding.Observation{}, err
	}
	pattern := m.mail.setup(s.site.Mail.Plan).Undo
	if pattern == nil {
		return onboarding.Observation{Findings: []onboarding.Finding{onboarding.Doubtful("to do by hand",
			"Configure undo in mail.setup to have it removed automatically from now on.", "Remove the %s.",
			mailNoun(s.site))}}, nil
	}
	command := m.command(s.site, pattern)
	return onboarding.Observation{Change: onboarding.Change{
		Summary: "Take away the " + mailNoun(s.site), Items: []onboarding.Item{{Command: &command}},
	}}, nil
}
