package certificates

import (
	"fmt"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
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
	renewing := 0
	for _, site := range report.Sites {
		if t.renewsWithin(site, report.At, 7*24*time.Hour) {
			renewing++
		}
	}
	digest := Digest{Report: report, Summary: fmt.Sprintf("%s: %s. Due to renew this week: %d.",
		count(int64(len(report.Sites)), "domain"), report.Counts(), renewing)}
	for _, site := range report.Sites[:min(len(report.Sites), digestLines)] {
		digest.Lines = append(digest.Lines, site.Line(report.At))
	}
	return digest
}

// Counts says how many sites are in which state, the worst first, such as "1 urgent, 7 OK".
func (r Report) Counts() string {
	counts := map[Severity]int{}
	for _, site := range r.Sites {
		counts[site.Severity]++
	}
	var words []string
	for _, severity := range []Severity{Critical, Attention, Unchecked, Healthy} {
		if n := counts[severity]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, severity.words(n)))
		}
	}
	return strings.Join(words, ", ")
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
	said := ok && left < 0 && len(r.Faults) > 0 && r.Faults[0].Kind == probe.Expired
	if len(r.Faults) > 0 && r.Faults[0].Severity > Healthy && !said {
		line += "; " + r.Faults[0].Sentence
	}
	return line
}
