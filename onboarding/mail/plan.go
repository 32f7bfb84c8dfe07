package mail

// Plan is what happens to mail for a domain.
type Plan string

// The plans.
const (
	None       Plan = "none"       // the domain's mail is left as it is
	Forwarding Plan = "forwarding" // inbound mail is forwarded to another address
	Mailbox    Plan = "mailbox"    // the domain receives and sends
)

// shorten makes text short enough for a sentence.
func shorten(text string) string {
	const limit = 60
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return text
}
