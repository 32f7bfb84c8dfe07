package certificates

import (
	"fmt"
	"time"
)

// Digest sums up a report in a few lines.
type Digest struct {
	Report
	// Summary is a sentence with the counts.
	Summary string
	// Lines are about the first sites of the report, at most ten.
	Lines []string
}

const digestLines = 10

// Digest sums a report up.
func (t Thresholds) Digest(report Report) Digest {
	counts := map[Severity]int{}
	renewing := 0
	for _, site := range report.Sites {
		counts[site.Severity]++
		if t.renewsWithin(site, report.At, 7*24*time.Hour) {
			renewing++
		}
	}
	digest := Digest{Report: report, Summary: fmt.Sprintf(
		"%s watched. Well: %d, attention: %d, urgent: %d, could not look: %d. Due to renew this week: %d.",
		count(int64(len(report.Sites)), "domain"), counts[Healthy], counts[Attention], counts[Critical],
		counts[Unchecked],
		renewing)}
	for _, site := range report.Sites[:min(len(report.Sites), digestLines)] {
		digest.Lines = append(digest.Lines, site.Line(report.At))
	}
	return digest
}

// renewsWithin reports whether the renewal of a site's first certificate becomes due within a span
// of time from now.
func (t Thresholds) renewsWithin(site SiteReport, now time.Time, span time.Duration) bool {
	if len(site.Certificates) == 0 {
		return false
	}
	c := site.Certificates[0]
	due := t.RenewalDue(c, site.RenewBefore(c))
	return due.After(now) && due.Before(now.Add(span))
}

// Line is the state of a site in one line: the domain, how long its certificate is valid, and its
// worst fault.
func (r SiteReport) Line(now time.Time) string {
	line := r.Shown() + ": "
	left, ok := r.Left(now)
	switch {
	case !ok:
		line += "no certificate seen"
	case left < 0:
		line += "expired " + Span(-left) + " ago"
	default:
		line += Span(left) + " left, until " + Time(r.Certificates[0].NotAfter)
	}
	if len(r.Faults) > 0 && r.Faults[0].Severity > Healthy {
		line += "; " + r.Faults[0].Sentence
	}
	return line
}
