// Package certs shows the state of certificates in Slack: the table of all sites, the page of
// one, the weekly digest and reminders.
package certs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/commands/render/schedule"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// What a press on a message about a certificate means. The button's value is the domain.
const (
	ActionRenew = "certificate.renew"
	ActionWhy   = "certificate.why"
)

// SiteDetail is everything that is known about one site.
type SiteDetail struct {
	certificates.SiteReport
	At   time.Time
	Due  time.Time // when its certificate ought to be renewed
	Past []certificates.Certificate
	Why  certificates.Diagnosis
	// renewal is what can be done from here; refused says why nothing can.
	Renewal certificates.Renewal
	Refused string
	// Block is the block_id of the button that renews, and NotBefore when a renewal may be applied
	// first, nil for at once.
	Block     string
	NotBefore *onboarding.Moment
}

// Page shows everything about one site.
func Page(seen *SiteDetail) *mrkdwn.Builder {
	page := new(mrkdwn.Builder)
	page.Say(fmt.Sprintf("%s *%s*: %s\n%s", markSeverity[seen.Severity], mrkdwn.Inline(seen.Shown()), seen.Severity,
		validityText(seen)))
	for i, fault := range seen.Faults {
		if i == maxFaultLines {
			break
		}
		page.Note(markSeverity[fault.Severity] + " " + mrkdwn.Inline(mrkdwn.Summary(fault.Sentence)))
	}
	page.Parts(mrkdwn.Part{Head: "Visitors get", Body: servedText(seen)},
		mrkdwn.Part{Head: "Chain", Body: chainText(seen)}, mrkdwn.Part{Head: "certbot", Body: certbotText(seen)},
		mrkdwn.Part{Head: "History", Body: historyText(seen)})
	writeBlockers(page, seen)
	if !seen.Renewal.None() {
		label := "Renew"
		if len(seen.Renewal.Due) == 0 {
			label = "Reload"
		}
		if seen.NotBefore == nil {
			label += " now"
		} else {
			page.Say(schedule.NotBefore(seen.NotBefore))
		}
		page.Buttons(seen.Block, blockkit.Button(ActionRenew, seen.Domain, label, slack.StylePrimary))
	}
	return page
}

// validityText says how long a site's certificate is valid.
func validityText(seen *SiteDetail) string {
	left, ok := seen.Left(seen.At)
	switch {
	case !ok:
		return "Visitors get no certificate."
	case left < 0:
		return "Expired " + blockkit.Date(seen.Certificates[0].NotAfter) + "."
	}
	return fmt.Sprintf("%s left, until %s.", certificates.Span(left), blockkit.Date(seen.Certificates[0].NotAfter))
}

// servedText lists the certificates that visitors get, and where.
func servedText(seen *SiteDetail) string {
	var lines []string
	for _, c := range seen.Certificates[:min(len(seen.Certificates), maxServed)] {
		names := make([]string, 0, maxNames)
		for _, name := range c.Names[:min(len(c.Names), maxNames)] {
			names = append(names, blockkit.Truncate(mrkdwn.OneLine(probe.Unicode(name)), mrkdwn.MaxName))
		}
		if more := len(c.Names) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		line := fmt.Sprintf("%s for %s\n  serial %s, valid for %s until %s", c.Key, strings.Join(names, ", "),
			c.Serial, certificates.Span(c.Lifetime()), date(c.NotAfter))
		if at := addressesOf(seen, c); at != "" {
			line += "\n  at " + at
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return "None."
	}
	return strings.Join(lines, "\n")
}

// addressesOf lists the addresses where visitors get a certificate.
func addressesOf(seen *SiteDetail, c certificates.Certificate) string {
	var addresses []string
	for _, look := range seen.Observations {
		if at := look.Address.String(); look.Visited && slices.Contains(look.Serials, c.Serial) &&
			!slices.Contains(addresses, at) && len(addresses) < maxNames {
			addresses = append(addresses, at)
		}
	}
	return strings.Join(addresses, ", ")
}

func chainText(seen *SiteDetail) string {
	var lines []string
	for _, link := range seen.Chain[:min(len(seen.Chain), maxChain)] {
		lines = append(lines,
			fmt.Sprintf("%s\n  by %s, until %s", distinguishedName(link.Subject), distinguishedName(link.Issuer),
				date(link.NotAfter)))
	}
	if len(lines) == 0 {
		return "None."
	}
	return strings.Join(lines, "\n")
}

// distinguishedName is a subject or an issuer. The party that issued the certificate chose it.
func distinguishedName(text string) string {
	const limit = 100
	if text == "" {
		return "(empty subject)"
	}
	return blockkit.Truncate(mrkdwn.OneLine(text), limit)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func certbotText(seen *SiteDetail) string {
	if len(seen.Lineages) == 0 {
		if seen.Host == "" {
			return "The configuration does not say which host manages it."
		}
		return "certbot on " + seen.Host + " has no certificate for it."
	}
	var lines []string
	for _, lineage := range seen.Lineages {
		line := fmt.Sprintf("%s on %s: serial %s, until %s", lineage.Name, seen.Host, lineage.Certificate.Serial,
			date(lineage.Certificate.NotAfter))
		if lineage.Authenticator != "" {
			line += ", by " + blockkit.Truncate(mrkdwn.OneLine(lineage.Authenticator), 40)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func historyText(seen *SiteDetail) string {
	var lines []string
	for i, c := range seen.Past {
		if i == maxHistory {
			lines = append(lines, fmt.Sprintf("and %d earlier ones", len(seen.Past)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s to %s, serial %s", date(c.NotBefore), date(c.NotAfter), c.Serial))
	}
	if len(lines) == 0 {
		return "None yet: the next check records the first one."
	}
	return strings.Join(lines, "\n")
}

// writeBlockers shows what blocks a renewal.
func writeBlockers(page *mrkdwn.Builder, seen *SiteDetail) {
	reasons := seen.Why.Reasons
	if seen.Why.Refused != "" {
		reasons = append([]string{seen.Why.Refused}, reasons...)
	} else if seen.Refused != "" {
		reasons = append([]string{seen.Refused}, reasons...)
	}
	due := ""
	if !seen.Due.IsZero() {
		due = ", due by " + blockkit.Date(seen.Due)
	}
	if len(reasons) == 0 {
		page.Say("As far as the bot can see, *nothing blocks its renewal*" + due + ".")
	} else {
		lines := []string{"*What blocks its renewal*" + due + ":"}
		for i, reason := range reasons {
			if i == maxReasons {
				lines = append(lines, fmt.Sprintf("• and %d more", len(reasons)-i))
				break
			}
			lines = append(lines, "• "+mrkdwn.Inline(mrkdwn.Summary(reason)))
		}
		page.Say(strings.Join(lines, "\n"))
	}
	if len(seen.Why.Timer) > 0 {
		page.Note("certbot's timer: " + mrkdwn.Inline(mrkdwn.Summary(strings.Join(seen.Why.Timer, ", "))))
	}
	if len(seen.Why.Log) > 0 {
		const width = 120
		var lines []string
		for _, line := range seen.Why.Log[max(0, len(seen.Why.Log)-maxWords):] {
			lines = append(lines, blockkit.Truncate(mrkdwn.OneLine(line), width))
		}
		page.Parts(mrkdwn.Part{Head: "Last lines of certbot's log", Body: strings.Join(lines, "\n")})
	}
}
