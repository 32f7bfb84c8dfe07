package certs

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/bot/blockkit"
	"github.com/atlilith/onboardbot/bot/post"
	"github.com/atlilith/onboardbot/commands/render"
	"github.com/atlilith/onboardbot/commands/render/mrkdwn"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/timeline"
)

// markSeverity is the mark of each severity.
var markSeverity = map[certificates.Severity]string{
	certificates.Healthy: mrkdwn.MarkLive, certificates.Unchecked: mrkdwn.MarkCancelled,
	certificates.Attention: mrkdwn.MarkAsking, certificates.Critical: mrkdwn.MarkTrouble,
}

const (
	// maxCertificateRows is how many sites the table shows: the most urgent.
	maxCertificateRows = blockkit.MaxDataTableRows - 1

	maxFaultLines = 5 // below it
	maxServed     = 4 // certificates, two for each kind of key
	maxNames      = 6 // of one of them, and addresses
	maxChain      = 5
	maxHistory    = 8 // certificates of the past
	maxReasons    = 5
	maxWords      = 8 // of certbot, the last lines
)

// Table shows every site in a row, the most urgent first.
func Table(report certificates.Report) post.Message {
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("%s *Certificates*: %s", markSeverity[report.Severity()], report.Counts()))
	rows := [][]string{{"Site", "Left", "Valid until"}}
	var days []float64
	for _, site := range report.Sites[:min(len(report.Sites), maxCertificateRows)] {
		left, until := validity(site, report.At)
		rows = append(rows, []string{markSeverity[site.Severity] + " " +
			blockkit.Truncate(mrkdwn.OneLine(site.Shown()), mrkdwn.MaxName), left, until})
		days = append(days, daysLeft(site, report.At))
	}
	page.DataTable(blockkit.Table{Caption: "Certificates by site", Rows: rows, Numbers: map[int][]float64{1: days}})
	faults := 0
	for _, site := range report.Sites {
		if len(site.Faults) > 0 && site.Faults[0].Severity > certificates.Healthy && faults < maxFaultLines {
			faults++
			page.Note(fmt.Sprintf("%s *%s*: %s", markSeverity[site.Faults[0].Severity], mrkdwn.Inline(site.Shown()),
				mrkdwn.Inline(mrkdwn.Summary(site.Faults[0].Sentence))))
		}
	}
	foot := fmt.Sprintf("%s shows everything about one site.",
		blockkit.Code(render.CertificatesCommand+" "+exampleSite(report)))
	if more := len(report.Sites) - maxCertificateRows; more > 0 {
		foot = fmt.Sprintf("%d more that are less urgent. ", more) + foot
	}
	page.Note(foot)
	return post.Message{Text: page.Text(), Blocks: page.Blocks, Fallback: page.Fallback()}
}

// daysLeft sorts sites by how long their certificate is valid. One without any comes first.
func daysLeft(site certificates.SiteReport, now time.Time) float64 {
	left, ok := site.Left(now)
	if !ok {
		return -1e6
	}
	return math.Round(left.Hours()/24*100) / 100
}

func exampleSite(report certificates.Report) string {
	if len(report.Sites) == 0 {
		return "merche-biche.com"
	}
	return report.Sites[0].Shown()
}

// validity says how long the certificate that ends first is valid, and until when.
func validity(site certificates.SiteReport, now time.Time) (left, until string) {
	remaining, ok := site.Left(now)
	if !ok {
		return "unknown", "–"
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

// Timeline draws all certificates, as a file in the thread of a message.
func Timeline(rows []timeline.Row, now time.Time, below post.Message) (post.Message, error) {
	var picture bytes.Buffer
	if err := timeline.Draw(&picture, rows, now); err != nil {
		return post.Message{}, err
	}
	return post.Message{
		Key: below.Key + "/timeline", Channel: below.Channel, Thread: below.Key,
		Text: "Timeline of all certificates, past renewals and expiries. What it shows is in the table: " + below.Text,
		File: &post.File{Name: "certificates.png", Title: "Timeline", Content: picture.Bytes()},
	}, nil
}

// Digest is the weekly report.
func Digest(digest certificates.Digest) post.Message {
	var page mrkdwn.Builder
	page.Say(fmt.Sprintf("%s *Certificates this week*\n%s", markSeverity[digest.Severity()],
		mrkdwn.Inline(digest.Summary)))
	lines := make([]string, len(digest.Lines))
	for i, line := range digest.Lines {
		lines[i] = markSeverity[digest.Sites[i].Severity] + " " + mrkdwn.Inline(mrkdwn.Summary(line))
	}
	if len(lines) > 0 {
		page.Say(strings.Join(lines, "\n"))
	}
	page.Note(blockkit.Code(render.CertificatesCommand) + " shows the table and the timeline.")
	return post.Message{Text: page.Text(), Blocks: page.Blocks}
}
