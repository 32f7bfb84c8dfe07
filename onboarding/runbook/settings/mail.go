package settings

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/mail"
)

// Mail says how domains get their mail.
type Mail struct {
	mail.Config `yaml:",inline"`
	// Setup is what a plan needs beyond the DNS.
	Setup MailSetup `yaml:"setup"`
}

// MailSetup is what plans need beyond the DNS. For a plan without commands the run says what is
// left to be done by hand.
type MailSetup struct {
	// Host that the commands run on. Default: dkim.host.
	Host string `yaml:"host"`
	// Forwarding makes a forward.
	Forwarding MailCommands `yaml:"forwarding"`
	// Mailbox makes a mailbox.
	Mailbox MailCommands `yaml:"mailbox"`
	// Timeout bounds each command. Default: 2m.
	Timeout time.Duration `yaml:"timeout"`
}

// MailCommands are patterns, in which {forward} is the address that mail is forwarded to.
type MailCommands struct {
	// Check changes nothing and exits with 0 where all is made, and with 1 where it is not.
	Check []string `yaml:"check"`
	// Make makes what is missing. Empty: it is made by hand.
	Make []string `yaml:"make"`
	// Undo takes it away. Empty: it is taken away by hand.
	Undo []string `yaml:"undo"`
}

// mailPlans are what the mail package calls the plans of a request.
var mailPlans = map[onboarding.MailPlan]mail.Plan{
	onboarding.MailNone:    mail.None,
	onboarding.MailForward: mail.Forwarding,
	onboarding.MailMailbox: mail.Mailbox,
}

// MailPlans lists the plans that the configuration has a pattern for, none first.
func (c *Config) MailPlans() []onboarding.MailPlan {
	offered := c.Mail.Offered()
	return slices.DeleteFunc(slices.Clone(onboarding.MailPlans),
		func(plan onboarding.MailPlan) bool { return !slices.Contains(offered, mailPlans[plan]) })
}

// For returns the commands of a mail plan, none if the plan has no commands.
func (s *MailSetup) For(plan onboarding.MailPlan) MailCommands {
	switch plan {
	case onboarding.MailForward:
		return s.Forwarding
	case onboarding.MailMailbox:
		return s.Mailbox
	}
	return MailCommands{}
}

func (m *Mail) defaults() {
	m.Config.Defaults()
	m.Setup.Host = cmp.Or(m.Setup.Host, m.DKIM.Host)
	m.Setup.Timeout = cmp.Or(m.Setup.Timeout, 2*time.Minute)
}

func (c *Config) validateMail(p *problems) {
	p.under("mail", c.Mail.Config.Validate())
	signs := c.Mail.Forwarding.DKIM || c.Mail.Mailbox.DKIM
	if _, known := c.Hosts[c.Mail.DKIM.Host]; signs && c.Mail.DKIM.Host != "" && !known {
		p.add("mail.dkim.host", "%q is not one of hosts", c.Mail.DKIM.Host)
	}
	made := false
	for key, commands := range map[string]MailCommands{
		"mail.setup.forwarding": c.Mail.Setup.Forwarding, "mail.setup.mailbox": c.Mail.Setup.Mailbox,
	} {
		made = made || commands.Make != nil
		if (commands.Make == nil) != (commands.Check == nil) {
			p.add(key, "make and check go together: what exists is not made again")
		}
		if commands.Undo != nil && commands.Make == nil {
			p.add(key+".undo", "there is no make that it undoes")
		}
		for name, argv := range map[string][]string{
			"check": commands.Check, "make": commands.Make, "undo": commands.Undo,
		} {
			if argv != nil && (len(argv) == 0 || argv[0] == "") {
				p.add(key+"."+name, "is empty")
			}
		}
	}
	if _, known := c.Hosts[c.Mail.Setup.Host]; made && !known {
		p.add("mail.setup.host", "%q is not one of hosts", c.Mail.Setup.Host)
	}
	if c.Mail.Setup.Timeout < time.Second {
		p.add("mail.setup.timeout", "%s is less than 1s", c.Mail.Setup.Timeout)
	}
}

// mailPatterns are the commands that have placeholders, by their keys.
func (c *Config) mailPatterns() map[string][]string {
	patterns := map[string][]string{}
	for key, commands := range map[string]MailCommands{
		"mail.setup.forwarding": c.Mail.Setup.Forwarding, "mail.setup.mailbox": c.Mail.Setup.Mailbox,
	} {
		maps.Copy(patterns, map[string][]string{
			key + ".check": commands.Check, key + ".make": commands.Make, key + ".undo": commands.Undo,
		})
	}
	return patterns
}

// PlanOf returns a mail plan of a request in the terms of the mail package.
func PlanOf(m onboarding.Mail) mail.Plan { return mailPlans[m.Plan] }
