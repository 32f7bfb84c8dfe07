package certificates

import (
	"cmp"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Look is what a visitor of one name gets at one address.
type Look struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
	// Visited says that DNS leads visitors there; otherwise it is only where they ought to land.
	Visited bool `json:"visited"`
	// Serials are the certificates shown: the one most visitors get, then the one for visitors with the other kind of key.
	Serials []string      `json:"serials,omitempty"`
	Done    time.Time     `json:"done"`
	Took    time.Duration `json:"took_ns"`

	leaves   []*x509.Certificate
	chain    []*x509.Certificate
	problems []*probe.Problem // with the connection or the certificates
	redirect *probe.Problem   // with plain HTTP
	skew     time.Duration    // the server's clock less this machine's
}

// SiteReport is how one site stands.
type SiteReport struct {
	Site
	Severity Severity `json:"severity"`
	// Certificates are the different ones that visitors get, the first to expire first.
	Certificates []Certificate `json:"certificates"`
	// Chain is as served with the first certificate.
	Chain []Link `json:"chain,omitempty"`
	// Lineages are certbot's for names of the site.
	Lineages []Lineage `json:"lineages,omitempty"`
	Looks    []Look    `json:"looks"`
	Faults   []Fault   `json:"faults,omitempty"` // worst first
}

// RenewBefore is what certbot's configuration says for a certificate, 0 for nothing.
func (r SiteReport) RenewBefore(c Certificate) time.Duration {
	for _, lineage := range r.Lineages {
		if lineage.Certificate.Serial == c.Serial || slices.Equal(lineage.Certificate.Names, c.Names) {
			return lineage.RenewBefore
		}
	}
	return 0
}

// own are those certificates that are for a name of the site. Others are shown by mistake: how old they get is not the site's concern.
func (r SiteReport) own(certificates []Certificate) []Certificate {
	return slices.DeleteFunc(slices.Clone(certificates), func(c Certificate) bool { return !slices.ContainsFunc(r.Names, c.Covers) })
}

// which tells a certificate from the others of the site, where visitors get several: with different keys, or for different names.
func (r SiteReport) which(c Certificate) string {
	others := slices.DeleteFunc(r.own(r.Certificates), func(other Certificate) bool { return other.Serial == c.Serial })
	same := func(equal func(Certificate) bool) bool { return slices.ContainsFunc(others, equal) }
	switch {
	case len(others) == 0:
		return "certificate"
	case !same(func(other Certificate) bool { return other.Key == c.Key }):
		return c.Key + " certificate"
	case !same(func(other Certificate) bool { return slices.Equal(other.Names, c.Names) }):
		return "certificate for " + shown(c.Names)
	}
	return "certificate with the serial " + c.Serial
}

// Left is how long the certificate that expires first is still valid; false when none was seen.
func (r SiteReport) Left(now time.Time) (time.Duration, bool) {
	if len(r.Certificates) == 0 {
		return 0, false
	}
	return r.Certificates[0].Left(now), true
}

// Report is one sweep over all sites, the most urgent first.
type Report struct {
	At    time.Time     `json:"at"`
	Took  time.Duration `json:"took_ns"`
	Sites []SiteReport  `json:"sites"`
}

// Severity is that of the worst site.
func (r Report) Severity() Severity {
	worst := Well
	for _, site := range r.Sites {
		worst = max(worst, site.Severity)
	}
	return worst
}

// ExitStatus is what a program ends with: 0 all is well, 1 something needs attention, 2 something could not be looked at.
func (r Report) ExitStatus() int {
	switch r.Severity() {
	case Well:
		return 0
	case Blind:
		return 2
	}
	return 1
}

// Site finds a domain's report.
func (r Report) Site(domain string) (SiteReport, bool) {
	i := slices.IndexFunc(r.Sites, func(s SiteReport) bool { return s.Domain == domain })
	if i < 0 {
		return SiteReport{}, false
	}
	return r.Sites[i], true
}

func (r Report) sort() {
	slices.SortStableFunc(r.Sites, func(a, b SiteReport) int {
		leftA, _ := a.Left(r.At)
		leftB, _ := b.Left(r.At)
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(leftA, leftB), strings.Compare(a.Domain, b.Domain))
	})
}
