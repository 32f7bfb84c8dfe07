package commands

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/outbox"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// markSeverity is how bad something is, as a mark.
var markSeverity = map[certificates.Severity]string{
	certificates.Well: markLive, certificates.Blind: markCancelled, certificates.Attention: markAsking, certificates.Critical: markTrouble,
}

const (
	maxCertificateRows = 30 // of a table: the most urgent
	maxFaultLines      = 5  // below it
	maxServed          = 4  // certificates, two for each kind of key
	maxNames           = 6  // of one of them, and addresses
	maxChain           = 5
	maxHistory         = 8 // certificates of the past
	maxReasons         = 5
	maxWords           = 8 // of certbot, the last lines
)

// certificateTable is every site in a line, the most urgent first.
func certificateTable(report certificates.Report) outbox.Message {
	var page sheet
	page.say(fmt.Sprintf("%s *Certificates*: %s", markSeverity[report.Severity()], counted(report)))
	rows := [][]string{{"Site", "Left", "Valid until"}}
	for _, site := range report.Sites[:min(len(report.Sites), maxCertificateRows)] {
		left, until := lasts(site, report.At)
		rows = append(rows, []string{markSeverity[site.Severity] + " " + blockkit.Truncate(oneLine(site.Shown()), maxTitle), left, until})
	}
	page.table(rows)
	faults := 0
	for _, site := range report.Sites {
		if len(site.Faults) > 0 && site.Faults[0].Severity > certificates.Well && faults < maxFaultLines {
			faults++
			page.note(fmt.Sprintf("%s *%s*: %s", markSeverity[site.Faults[0].Severity], inline(site.Shown()), inline(cause(site.Faults[0].Sentence))))
		}
	}
	foot := fmt.Sprintf("%s says all about one.", blockkit.Code(certificatesCommand+" "+exampleSite(report)))
	if more := len(report.Sites) - maxCertificateRows; more > 0 {
		foot = fmt.Sprintf("%d more, less urgent. ", more) + foot
	}
	page.note(foot)
	return outbox.Message{Text: page.text(), Blocks: page.blocks}
}

// counted says how many sites stand how, the worst first.
func counted(report certificates.Report) string {
	counts := make(map[certificates.Severity]int)
	for _, site := range report.Sites {
		counts[site.Severity]++
	}
	var words []string
	for _, severity := range []certificates.Severity{certificates.Critical, certificates.Attention, certificates.Blind, certificates.Well} {
		if counts[severity] > 0 {
			words = append(words, fmt.Sprintf("%d %s", counts[severity], severity))
		}
	}
	return strings.Join(words, ", ")
}

func exampleSite(report certificates.Report) string {
	if len(report.Sites) == 0 {
		return "merche-biche.com"
	}
	return report.Sites[0].Shown()
}

// lasts says how long the certificate that ends first lasts, and until when.
func lasts(site certificates.SiteReport, now time.Time) (left, until string) {
	remaining, ok := site.Left(now)
	if !ok {
		return "none seen", "–"
	}
	const far = 3 * 24 * time.Hour
	layout := "2006-01-02"
	if remaining < far {
		layout += " 15:04"
	}
	until = site.Certificates[0].NotAfter.UTC().Format(layout)
	if remaining < 0 {
		return "expired", until
	}
	return certificates.Span(remaining), until
}

// timelines are the picture of all certificates, for both of Slack's themes, in the thread of a message.
func timelines(rows []certificates.Row, now time.Time, below outbox.Message) ([]outbox.Message, error) {
	var messages []outbox.Message
	for _, theme := range []certificates.Theme{certificates.Light, certificates.Dark} {
		var picture bytes.Buffer
		if err := certificates.Timeline(&picture, rows, now, theme); err != nil {
			return nil, err
		}
		messages = append(messages, outbox.Message{
			Key: below.Key + "/" + string(theme), Channel: below.Channel, Thread: below.Key,
			Text: fmt.Sprintf("Timeline of all certificates, past renewals and expiries. What it shows is in the table: %s", below.Text),
			File: &outbox.File{Name: "certificates-" + string(theme) + ".png", Title: fmt.Sprintf("Timeline (%s)", theme), Content: picture.Bytes()},
		})
	}
	return messages, nil
}

// certificateDigest is the report that comes by itself.
func certificateDigest(digest certificates.Digest) outbox.Message {
	var page sheet
	page.say(fmt.Sprintf("%s *Certificates this week*\n%s", markSeverity[digest.Severity()], inline(digest.Summary)))
	lines := make([]string, len(digest.Lines))
	for i, line := range digest.Lines {
		lines[i] = markSeverity[digest.Sites[i].Severity] + " " + inline(cause(line))
	}
	if len(lines) > 0 {
		page.say(strings.Join(lines, "\n"))
	}
	page.note(blockkit.Code(certificatesCommand) + " has the table and the picture.")
	return outbox.Message{Text: page.text(), Blocks: page.blocks}
}

// certificatePage is everything about one site.
func certificatePage(seen *sighting) *sheet {
	page := new(sheet)
	page.say(fmt.Sprintf("%s *%s*\n%s", markSeverity[seen.Severity], inline(seen.Shown()), standingOf(seen)))
	for i, fault := range seen.Faults {
		if i == maxFaultLines {
			break
		}
		page.note(markSeverity[fault.Severity] + " " + inline(cause(fault.Sentence)))
	}
	page.parts(part{head: "Visitors get", body: servedText(seen)}, part{head: "Chain", body: chainText(seen)}, part{head: "certbot", body: certbotText(seen)}, part{head: "History", body: historyText(seen)})
	whyNot(page, seen)
	if !seen.renewal.None() {
		label := "Renew now"
		if len(seen.renewal.Due) == 0 {
			label = "Reload now"
		}
		page.buttons("certificate", blockkit.Button(actionRenew, seen.Domain, label, slack.StylePrimary))
	}
	return page
}

// standingOf says how long a site's certificate lasts.
func standingOf(seen *sighting) string {
	left, ok := seen.Left(seen.at)
	switch {
	case !ok:
		return "Visitors get no certificate."
	case left < 0:
		return "Expired " + blockkit.Date(seen.Certificates[0].NotAfter) + "."
	}
	return fmt.Sprintf("%s left, until %s.", certificates.Span(left), blockkit.Date(seen.Certificates[0].NotAfter))
}

// servedText is every certificate that visitors get, and where.
func servedText(seen *sighting) string {
	var lines []string
	for _, c := range seen.Certificates[:min(len(seen.Certificates), maxServed)] {
		names := make([]string, 0, maxNames)
		for _, name := range c.Names[:min(len(c.Names), maxNames)] {
			names = append(names, blockkit.Truncate(oneLine(probe.Unicode(name)), maxTitle))
		}
		if more := len(c.Names) - len(names); more > 0 {
			names = append(names, fmt.Sprintf("%d more", more))
		}
		line := fmt.Sprintf("%s for %s\n  serial %s, valid for %s until %s", c.Key, strings.Join(names, ", "), c.Serial, certificates.Span(c.Lifetime()), date(c.NotAfter))
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

// addressesOf are where visitors get a certificate.
func addressesOf(seen *sighting, c certificates.Certificate) string {
	var addresses []string
	for _, look := range seen.Looks {
		if at := look.Address.String(); look.Visited && slices.Contains(look.Serials, c.Serial) && !slices.Contains(addresses, at) && len(addresses) < maxNames {
			addresses = append(addresses, at)
		}
	}
	return strings.Join(addresses, ", ")
}

func chainText(seen *sighting) string {
	var lines []string
	for _, link := range seen.Chain[:min(len(seen.Chain), maxChain)] {
		lines = append(lines, fmt.Sprintf("%s\n  by %s, until %s", name(link.Subject), name(link.Issuer), date(link.NotAfter)))
	}
	if len(lines) == 0 {
		return "None."
	}
	return strings.Join(lines, "\n")
}

// name is a subject or an issuer, which whoever issued the certificate chose.
func name(text string) string {
	const limit = 100
	if text == "" {
		return "(its names alone)"
	}
	return blockkit.Truncate(oneLine(text), limit)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func certbotText(seen *sighting) string {
	if len(seen.Lineages) == 0 {
		if seen.Host == "" {
			return "Nobody said on which host certbot looks after it."
		}
		return "certbot on " + seen.Host + " has nothing for it."
	}
	var lines []string
	for _, lineage := range seen.Lineages {
		line := fmt.Sprintf("%s on %s: serial %s, until %s", lineage.Name, seen.Host, lineage.Certificate.Serial, date(lineage.Certificate.NotAfter))
		if lineage.Authenticator != "" {
			line += ", by " + blockkit.Truncate(oneLine(lineage.Authenticator), 40)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func historyText(seen *sighting) string {
	var lines []string
	for i, c := range seen.past {
		if i == maxHistory {
			lines = append(lines, fmt.Sprintf("and %d before", len(seen.past)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("%s to %s, serial %s", date(c.NotBefore), date(c.NotAfter), c.Serial))
	}
	if len(lines) == 0 {
		return "None yet: it begins with the next look of the watch."
	}
	return strings.Join(lines, "\n")
}

// whyNot says what stands in the way of a renewal.
func whyNot(page *sheet, seen *sighting) {
	reasons := seen.why.Reasons
	if seen.why.Refused != "" {
		reasons = append([]string{seen.why.Refused}, reasons...)
	} else if seen.refused != "" {
		reasons = append([]string{seen.refused}, reasons...)
	}
	due := ""
	if !seen.due.IsZero() {
		due = " Renewal is due by " + blockkit.Date(seen.due) + "."
	}
	if len(reasons) == 0 {
		page.say("*Nothing stands in the way of its renewal*, as far as can be seen." + due)
	} else {
		lines := []string{"*What stands in the way of its renewal*." + due}
		for i, reason := range reasons {
			if i == maxReasons {
				lines = append(lines, fmt.Sprintf("• and %d more", len(reasons)-i))
				break
			}
			lines = append(lines, "• "+inline(cause(reason)))
		}
		page.say(strings.Join(lines, "\n"))
	}
	if len(seen.why.Timer) > 0 {
		page.note("certbot's timer: " + inline(cause(strings.Join(seen.why.Timer, ", "))))
	}
	if len(seen.why.Log) > 0 {
		const width = 120
		var lines []string
		for _, line := range seen.why.Log[max(0, len(seen.why.Log)-maxWords):] {
			lines = append(lines, blockkit.Truncate(oneLine(line), width))
		}
		page.parts(part{head: "certbot's last words", body: strings.Join(lines, "\n")})
	}
}
