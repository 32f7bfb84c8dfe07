package onboarding

import (
	"fmt"
	"strings"
)

// MailPlan is what happens to mail for a domain.
type MailPlan string

// The mail plans of the runbook. The zero value is none.
const (
	MailNone    MailPlan = ""
	MailForward MailPlan = "forward" // inbound mail is forwarded
	MailMailbox MailPlan = "mailbox" // there is a mailbox on the domain
)

// MailPlans lists every plan in the order in which people are offered them.
var MailPlans = []MailPlan{MailNone, MailForward, MailMailbox}

// String names the plan as operators say it.
func (p MailPlan) String() string {
	switch p {
	case MailNone:
		return "No mail"
	case MailForward:
		return "Inbound forwarding"
	case MailMailbox:
		return "Mailbox"
	}
	return string(p)
}

// Mail is the mail plan of a domain.
type Mail struct {
	Plan MailPlan `json:"plan,omitempty"`
	// Forward is the address that mail is forwarded to, for [MailForward].
	Forward string `json:"forward,omitempty"`
}

// check returns a sentence about what is wrong with a plan, or nothing.
func (m Mail) check(domain string) string {
	switch m.Plan {
	case MailNone, MailMailbox:
		if m.Forward != "" {
			return fmt.Sprintf("%s has a forwarding address, but its mail is not forwarded.", domain)
		}
		return ""
	case MailForward:
		if problem := CheckEmail(m.Forward); problem != "" {
			return fmt.Sprintf("Forwarding address for %s: %s", domain, problem)
		}
		if to := m.Forward[strings.LastIndexByte(m.Forward, '@')+1:]; strings.EqualFold(to, domain) {
			return fmt.Sprintf("Mail for %s would be forwarded to itself. Give an address of another domain.", domain)
		}
		return ""
	}
	return fmt.Sprintf("%s is not a mail plan: choose none, forward or mailbox.", shorten(string(m.Plan)))
}
