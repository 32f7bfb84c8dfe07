package certificates

import (
	"context"
	"crypto/x509"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/onboarding/probe"
)

// gather collects the different certificates that visitors get.
func (r *SiteReport) gather() {
	for _, look := range r.Looks {
		for _, leaf := range look.leaves {
			serial := leaf.SerialNumber.Text(16)
			if !look.Visited || slices.ContainsFunc(r.Certificates, func(c Certificate) bool { return c.Serial == serial }) {
				continue
			}
			r.Certificates = append(r.Certificates, describe(leaf))
		}
	}
	slices.SortStableFunc(r.Certificates, func(a, b Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	for _, look := range r.Looks {
		if look.Visited && len(look.Serials) > 0 && look.Serials[0] == r.Certificates[0].Serial {
			r.Chain = links(look.chain)
			return
		}
	}
}

// compare sets what visitors get against what certbot has.
func (s *Sweeper) compare(r *SiteReport, lineages []Lineage, err error) []Fault {
	if err != nil {
		return []Fault{fault(HostSilent, Blind, "could not see what certbot has for %s: %v", r.Shown(), err)}
	}
	var faults []Fault
	for _, name := range r.Names {
		known := false
		for _, lineage := range lineages {
			if !lineage.Covers(name) {
				continue
			}
			known = true
			if !slices.ContainsFunc(r.Lineages, func(l Lineage) bool { return l.Name == lineage.Name }) {
				r.Lineages = append(r.Lineages, lineage)
			}
		}
		if !known {
			faults = append(faults, fault(UnknownToHost, Attention, "certbot on %s has no certificate for %s, so nothing renews it", r.Host, probe.Unicode(name)))
		}
	}
	for _, lineage := range r.Lineages {
		if lineage.Manual {
			faults = append(faults, fault(RenewalOff, Attention, "automatic renewal of %s is turned off on %s", lineage.Name, r.Host))
		}
	}
	for _, served := range r.served() {
		faults = append(faults, served.compare(r.Host, r.Lineages)...)
	}
	return faults
}

// served is one certificate with who gets it where.
type served struct {
	leaf      *x509.Certificate
	names     []string
	addresses []netip.Addr
}

// served are the different certificates at every address, also where visitors only ought to land.
func (r *SiteReport) served() []served {
	var all []served
	for _, look := range r.Looks {
		for _, leaf := range look.leaves {
			i := slices.IndexFunc(all, func(s served) bool { return s.leaf.Equal(leaf) })
			if i < 0 {
				i, all = len(all), append(all, served{leaf: leaf})
			}
			if !slices.Contains(all[i].names, look.Name) {
				all[i].names = append(all[i].names, look.Name)
			}
			if !slices.Contains(all[i].addresses, look.Address) {
				all[i].addresses = append(all[i].addresses, look.Address)
			}
		}
	}
	return all
}

// compare finds a served certificate among the lineages that cover a name it is served for. Where none covers any, that has been said.
func (s served) compare(host string, lineages []Lineage) []Fault {
	covered := false
	var newest *Certificate
	for _, lineage := range lineages {
		if !slices.ContainsFunc(s.names, lineage.Covers) {
			continue
		}
		covered = true
		c := lineage.Certificate
		if c.leaf.Equal(s.leaf) {
			return nil
		}
		if c.leaf.PublicKeyAlgorithm == s.leaf.PublicKeyAlgorithm && (newest == nil || c.NotBefore.After(newest.NotBefore)) {
			newest = &c
		}
	}
	switch {
	case !covered:
		return nil
	case newest != nil && newest.NotBefore.After(s.leaf.NotBefore):
		return []Fault{fault(NotReloaded, Attention, "renewed but not reloaded: visitors of %s at %s still get the certificate until %s, while %s has one until %s on disk"+reloadAdvice,
			shown(s.names), list(s.addresses), day(s.leaf.NotAfter), host, day(newest.NotAfter))}
	}
	return []Fault{fault(NotCertbots, Attention, "visitors of %s at %s get a certificate that certbot on %s does not have", shown(s.names), list(s.addresses), host)}
}

// reloadAdvice ends the sentence about a certificate that is renewed but not reloaded, as long as that is so.
const reloadAdvice = ": reload nginx there"

// askWindows asks the authorities of certificates that certbot renews.
func (s *Sweeper) askWindows(ctx context.Context, r *SiteReport) {
	for i := range r.Certificates {
		c := &r.Certificates[i]
		for _, lineage := range r.Lineages {
			if lineage.Certificate.Serial != c.Serial || lineage.Directory == "" {
				continue
			}
			window, err := s.Windows.Window(ctx, lineage.Directory, c.leaf)
			if err != nil {
				r.Faults = append(r.Faults, fault(NoRenewalInfo, Well, "the authority of %s does not say when to renew: %v", lineage.Name, err))
			}
			c.Window = window
		}
	}
}

// judgeLooks says what visitors run into.
func (s *Sweeper) judgeLooks(r *SiteReport) []Fault {
	var faults []Fault
	for _, look := range r.Looks {
		for _, problem := range look.problems {
			faults = append(faults, Fault{problem.Kind, s.visible(r, look, problem), problem.Sentence})
		}
		if look.redirect != nil && len(look.leaves) > 0 {
			faults = append(faults, Fault{look.redirect.Kind, Attention, look.redirect.Sentence})
		}
		if look.skew.Abs() > s.config.ClockSkew {
			faults = append(faults, fault(ClockSkew, Attention, "the clocks of %s and of this machine differ by %s: one of them is wrong, and validity is judged by this machine's", look.Address, Span(look.skew.Abs())))
		}
		faults = append(faults, differing(r, look)...)
	}
	return faults
}

// visible is how bad a look's problem is. What is only unreachable from here, such as IPv6 on a machine that has none, may be fine for
// visitors.
func (s *Sweeper) visible(r *SiteReport, look Look, problem *probe.Problem) Severity {
	switch {
	case problem.Kind == probe.Unreachable:
		if slices.ContainsFunc(r.Looks, func(l Look) bool { return l.Name == look.Name && len(l.leaves) > 0 }) {
			return Well
		}
		return Blind
	case problem.Kind == probe.Aborted:
		return Blind
	case !look.Visited:
		return Attention
	}
	return Critical
}

// differing compares with the look before it at the same name: visitors over IPv4 and IPv6 should get the same.
func differing(r *SiteReport, look Look) []Fault {
	for _, other := range r.Looks {
		if other.Name == look.Name && other.Address.Less(look.Address) && len(other.Serials) > 0 && len(look.Serials) > 0 && other.Serials[0] != look.Serials[0] {
			return []Fault{fault(Differing, Attention, "visitors of %s get one certificate at %s and another at %s", probe.Unicode(look.Name), other.Address, look.Address)}
		}
	}
	return nil
}

// late says which certificates ought to have been renewed by now. That one has expired is seen at once.
func (s *Sweeper) late(r *SiteReport, now time.Time) []Fault {
	var faults []Fault
	for _, c := range r.own(r.Certificates) {
		passed := s.config.Thresholds.passed(c, r.RenewBefore(c), now)
		if len(passed) == 0 || passed[len(passed)-1].threshold == Expired {
			continue
		}
		severity := Attention
		if passed[len(passed)-1].level == Urgent {
			severity = Critical
		}
		how := "is still not renewed"
		if due := s.config.Thresholds.RenewalDue(c, r.RenewBefore(c)); due.Before(now) {
			how = "should have been renewed by " + day(due) + " and was not"
		}
		faults = append(faults, fault(Late, severity, "the %s of %s %s", r.which(c), r.Shown(), how))
	}
	return faults
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

func list(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, address := range addresses {
		texts[i] = address.String()
	}
	return strings.Join(texts, ", ")
}
