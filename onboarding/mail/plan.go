package mail

import (
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// Kind is what happens with mail to a domain.
type Kind string

// The kinds of plans.
const (
	None       Kind = "none"       // the domain's mail is left as it is
	Forwarding Kind = "forwarding" // inbound mail goes on to another address
	Mailbox    Kind = "mailbox"    // the domain receives and sends
)

// Plan is the mail plan of one domain.
type Plan struct {
	Kind Kind `json:"kind"`
	// To is the address that mail is forwarded to, empty if the mail host decides.
	To string `json:"to,omitempty"`
}

// String is the plan as [ParsePlan] reads it.
func (p Plan) String() string {
	if p.To != "" {
		return "forward:" + p.To
	}
	return string(p.Kind)
}

// ParsePlan parses none, forwarding, forward:ADDRESS or mailbox, or says in a sentence what is
// wrong.
func ParsePlan(text string) (plan Plan, problem string) {
	kind, to, forwarded := strings.Cut(strings.TrimSpace(text), ":")
	switch strings.ToLower(kind) {
	case "none", "no", "":
		plan.Kind = None
	case "forwarding", "forward":
		plan.Kind = Forwarding
	case "mailbox":
		plan.Kind = Mailbox
	default:
		return Plan{}, fmt.Sprintf("%s is not a mail plan: give none, forwarding, forward:me@example.com or mailbox.",
			shorten(text))
	}
	if !forwarded {
		return plan, ""
	}
	if plan.Kind != Forwarding {
		return Plan{}, fmt.Sprintf("Only forwarding takes an address: forward:%s.", shorten(to))
	}
	plan.To = strings.TrimSpace(to)
	if !isAddress(plan.To) {
		return Plan{}, fmt.Sprintf("%s is not an email address to forward to, such as me@example.com.", shorten(to))
	}
	return plan, ""
}

// isAddress reports whether a text is a bare ASCII addr-spec (RFC 5322 §3.4.1) at a domain with a
// dot. It becomes an argument of a command.
func isAddress(text string) bool {
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Address != text || len(text) > 254 || strings.HasPrefix(text, "-") {
		return false
	}
	unusable := func(r rune) bool {
		return r >= utf8.RuneSelf || r == '"' || unicode.IsSpace(r) || unicode.IsControl(r)
	}
	if strings.ContainsFunc(text, unusable) {
		return false
	}
	domain := text[strings.LastIndexByte(text, '@')+1:]
	_, err = dns.Name(domain)
	return err == nil && strings.Contains(domain, ".")
}

// shorten makes text short enough for a sentence.
func shorten(text string) string {
	const limit = 60
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
