package certificates

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Observation is what a visitor of one name gets at one address.
type Observation struct {
	Name    string     `json:"name"`
	Address netip.Addr `json:"address"`
	// Visited reports that DNS sends visitors to the address. Otherwise it is only where the
	// configuration expects them.
	Visited bool `json:"visited"`
	// Serials are those of the certificates that were served: first the one that most visitors
	// get, then the one for visitors with the other kind of key, if it differs.
	Serials []string      `json:"serials,omitempty"`
	Done    time.Time     `json:"done"`
	Took    time.Duration `json:"took_ns"`
}

// SiteReport is the state of one site.
type SiteReport struct {
	Site
	Severity Severity `json:"severity"`
	// Certificates are the different ones that visitors get, the first to expire first.
	Certificates []Certificate `json:"certificates"`
	// Chain is what the server sends with the first certificate.
	Chain []Link `json:"chain,omitempty"`
	// Lineages are certbot's for names of the site.
	Lineages     []Lineage     `json:"lineages,omitempty"`
	Observations []Observation `json:"looks"`
	Faults       []Fault       `json:"faults,omitempty"` // worst first
}

// RenewBefore is how long before its expiry certbot renews a certificate, 0 if its configuration
// does not say.
func (r SiteReport) RenewBefore(c Certificate) time.Duration {
	for _, lineage := range r.Lineages {
		if lineage.Certificate.Serial == c.Serial || slices.Equal(lineage.Certificate.Names, c.Names) {
			return lineage.RenewBefore
		}
	}
	return 0
}

// Own returns the certificates that are valid for a name of the site. Others are served by
// mistake, and their age does not matter to the site.
func (r SiteReport) Own(certificates []Certificate) []Certificate {
	return slices.DeleteFunc(slices.Clone(certificates), func(c Certificate) bool {
		return !slices.ContainsFunc(r.Names, c.Covers)
	})
}

// Describe names a certificate so that it differs from the others of the site: by its key, its
// names or its serial.
func (r SiteReport) Describe(c Certificate) string {
	others := slices.DeleteFunc(r.Own(r.Certificates), func(other Certificate) bool {
		return other.Serial == c.Serial
	})
	anyOther := func(equal func(Certificate) bool) bool { return slices.ContainsFunc(others, equal) }
	switch {
	case len(others) == 0:
		return "certificate"
	case !anyOther(func(other Certificate) bool { return other.Key == c.Key }):
		return c.Key + " certificate"
	case !anyOther(func(other Certificate) bool { return slices.Equal(other.Names, c.Names) }):
		return "certificate for " + Names(c.Names)
	}
	return "certificate with the serial " + c.Serial
}

// Left is how long the certificate that expires first is still valid. It returns false if no
// certificate was seen.
func (r SiteReport) Left(now time.Time) (time.Duration, bool) {
	if len(r.Certificates) == 0 {
		return 0, false
	}
	return r.Certificates[0].Left(now), true
}

// Fault finds the site's fault of a kind.
func (r SiteReport) Fault(kind Kind) (Fault, bool) {
	i := slices.IndexFunc(r.Faults, func(f Fault) bool { return f.Kind == kind })
	if i < 0 {
		return Fault{}, false
	}
	return r.Faults[i], true
}

// Report is the result of one sweep over all sites, the most urgent first.
type Report struct {
	At    time.Time     `json:"at"`
	Took  time.Duration `json:"took_ns"`
	Sites []SiteReport  `json:"sites"`
}

// Severity is that of the worst site.
func (r Report) Severity() Severity {
	worst := Healthy
	for _, site := range r.Sites {
		worst = max(worst, site.Severity)
	}
	return worst
}

// Sort puts the most urgent sites first.
func (r Report) Sort() {
	slices.SortStableFunc(r.Sites, func(a, b SiteReport) int {
		leftA, _ := a.Left(r.At)
		leftB, _ := b.Left(r.At)
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(leftA, leftB),
			strings.Compare(a.Domain, b.Domain))
	})
}
