// Package timeline draws the certificates of domains as bars over time, as a PNG.
package timeline

import (
	"slices"
	"time"

	"github.com/atlilith/onboardbot/internal/canvas"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Row is one domain.
type Row struct {
	Domain   string // in ASCII
	Severity certificates.Severity
	Past     []certificates.Certificate // that visitors no longer get
	Current  []Current                  // that visitors get, the first to expire first
}

// Current is a certificate that visitors get, and when it should be renewed.
type Current struct {
	certificates.Certificate
	RenewalDue time.Time
}

// Rows are the rows of a report, with the certificates that were seen earlier by domain.
func Rows(report certificates.Report, thresholds certificates.Thresholds,
	past map[string][]certificates.Certificate) []Row {
	var rows []Row
	for _, site := range report.Sites {
		row := Row{Domain: site.Domain, Severity: site.Severity}
		for _, c := range site.Certificates {
			row.Current = append(row.Current, Current{c, thresholds.RenewalDue(c, site.RenewBefore(c))})
		}
		for _, old := range past[site.Domain] {
			if !slices.ContainsFunc(row.Current, func(c Current) bool { return c.Serial == old.Serial }) {
				row.Past = append(row.Past, old)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func (r Row) certificates() []certificates.Certificate {
	all := slices.Clone(r.Past)
	for _, c := range r.Current {
		all = append(all, c.Certificate)
	}
	return all
}

// name is the domain in Unicode if the font has its letters, else in ASCII.
func (r Row) name() string {
	if name := probe.Unicode(r.Domain); canvas.Legible(name) {
		return name
	}
	return r.Domain
}

// validity says how long the certificate that ends first is valid.
func (r Row) validity(now time.Time) string {
	if len(r.Current) == 0 {
		return "no certificate seen"
	}
	if left := r.Current[0].Left(now); left >= 0 {
		return certificates.Span(left) + " left"
	}
	return "expired " + certificates.Span(-r.Current[0].Left(now)) + " ago"
}

// period is the time that a picture shows: all current certificates, and at most twice as much of
// the past as of the future.
func period(rows []Row, now time.Time) (from, to time.Time) {
	from, to = now.Add(-5*time.Minute), now.Add(5*time.Minute)
	for _, row := range rows {
		for _, c := range row.certificates() {
			if c.NotBefore.Before(from) {
				from = c.NotBefore
			}
			if c.NotAfter.After(to) {
				to = c.NotAfter
			}
		}
	}
	if first := now.Add(-2 * to.Sub(now)); from.Before(first) {
		from = first
	}
	return from.Add(-to.Sub(from) / 40), to.Add(to.Sub(from) / 40)
}
