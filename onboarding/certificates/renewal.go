package certificates

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Renewal is what is left to do about a site's certificates. The zero Renewal is nothing.
type Renewal struct {
	// Due are the lineages that should have been renewed by now.
	Due []Lineage
	// Reload reports that a renewed certificate is on the host, but the server does not send it
	// yet.
	Reload bool
}

// None reports that there is nothing to do.
func (r Renewal) None() bool { return len(r.Due) == 0 && !r.Reload }

// UnrenewableError says why the bot cannot renew a certificate, as a sentence that also says what
// to do.
type UnrenewableError struct{ Sentence string }

// Error is the sentence.
func (e *UnrenewableError) Error() string { return e.Sentence }

func unrenewable(format string, args ...any) error {
	return &UnrenewableError{fmt.Sprintf(format, args...)}
}

// Outstanding compares what is on the host with the thresholds and with what visitors get. It
// returns an [*UnrenewableError] for a site whose certificates the bot cannot renew.
func (t Thresholds) Outstanding(site SiteReport, now time.Time) (Renewal, error) {
	if site.Host == "" {
		return Renewal{}, unrenewable(
			"The configuration does not say on which host certbot manages the certificate of %s.", site.Shown())
	}
	if silent, found := site.Fault(HostUnreadable); found {
		return Renewal{}, unrenewable("%s.", capitalize(silent.Sentence))
	}
	if len(site.Lineages) == 0 {
		return Renewal{}, unrenewable("certbot on %s has no certificate for %s that could be renewed.", site.Host,
			site.Shown())
	}
	var renewal Renewal
	for _, lineage := range site.Lineages {
		if !t.renewable(site, lineage, now) {
			continue
		}
		if lineage.Manual {
			return Renewal{}, unrenewable(
				"Automatic renewal of %s is turned off on %s, so certbot would not renew it. Turn it on there first.",
				lineage.Name, site.Host)
		}
		renewal.Due = append(renewal.Due, lineage)
	}
	_, renewal.Reload = site.Fault(NotReloaded)
	return renewal, nil
}

// renewable reports whether the newest certificate of a lineage is to be renewed: its renewal is
// due, or a reminder about it is.
func (t Thresholds) renewable(site SiteReport, lineage Lineage, now time.Time) bool {
	c := lineage.Certificate
	for _, served := range site.Certificates {
		if served.Serial == c.Serial {
			c = served // which has the authority's window
		}
	}
	return !now.Before(t.RenewalDue(c, lineage.RenewBefore)) || len(t.passed(c, lineage.RenewBefore, now)) > 0
}

// Served returns the first to expire of the certificates that both visitors get and certbot has.
// The error is a sentence. A caller that renewed must ask this: certbot's exit status does not
// show whether the server sends the new certificate.
func (r SiteReport) Served() (Certificate, error) {
	for _, c := range r.Certificates {
		if slices.ContainsFunc(r.Lineages, func(l Lineage) bool { return l.Certificate.Serial == c.Serial }) {
			return c, nil
		}
	}
	for _, fault := range r.Faults {
		if len(r.Certificates) == 0 || fault.Kind == NotReloaded || fault.Kind == NotFromCertbot {
			return Certificate{}, errors.New(fault.Sentence)
		}
	}
	return Certificate{}, fmt.Errorf("visitors of %s do not get a certificate that certbot has", r.Shown())
}
