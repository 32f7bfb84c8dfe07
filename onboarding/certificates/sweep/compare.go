package sweep

import (
	"crypto/x509"
	"net/netip"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// compare compares what visitors get with what certbot has on the site's host, and fills in the
// site's lineages. err is why certbot could not be read, nil if it was.
func compare(r *certificates.SiteReport, seen []observation, lineages []certificates.Lineage,
	err error) []certificates.Fault {
	if err != nil {
		return []certificates.Fault{certificates.NewFault(certificates.HostUnreadable, certificates.Unchecked,
			"could not read what certbot has for %s: %v", r.Shown(), err)}
	}
	var faults []certificates.Fault
	add := func(kind certificates.Kind, format string, args ...any) {
		faults = append(faults, certificates.NewFault(kind, certificates.Attention, format, args...))
	}
	for _, name := range r.Names {
		known := false
		for _, lineage := range lineages {
			if !lineage.Covers(name) {
				continue
			}
			known = true
			if !slices.ContainsFunc(r.Lineages, func(l certificates.Lineage) bool { return l.Name == lineage.Name }) {
				r.Lineages = append(r.Lineages, lineage)
			}
		}
		if !known {
			add(certificates.UnknownToCertbot, "certbot on %s has no certificate for %s, so nothing renews it", r.Host,
				probe.Unicode(name))
		}
	}
	for _, lineage := range r.Lineages {
		if lineage.Manual {
			add(certificates.RenewalOff, "automatic renewal of %s is turned off on %s", lineage.Name, r.Host)
		}
	}
	for _, leaf := range servedLeaves(seen) {
		faults = append(faults, leaf.compare(r.Host, r.Lineages)...)
	}
	return faults
}

// servedLeaf is one certificate that is served, with the names and addresses at which it is.
type servedLeaf struct {
	leaf      *x509.Certificate
	names     []string
	addresses []netip.Addr
}

// servedLeaves are the different certificates at all endpoints, including those to which DNS sends
// nobody.
func servedLeaves(seen []observation) []servedLeaf {
	var all []servedLeaf
	for _, observed := range seen {
		for _, leaf := range observed.leaves {
			i := slices.IndexFunc(all, func(s servedLeaf) bool { return s.leaf.Equal(leaf) })
			if i < 0 {
				i, all = len(all), append(all, servedLeaf{leaf: leaf})
			}
			if !slices.Contains(all[i].names, observed.Name) {
				all[i].names = append(all[i].names, observed.Name)
			}
			if !slices.Contains(all[i].addresses, observed.Address) {
				all[i].addresses = append(all[i].addresses, observed.Address)
			}
		}
	}
	return all
}

// compare looks for the certificate among the lineages that cover a name for which it is served.
// If none does, it returns nothing: that is a fault of its own.
func (s servedLeaf) compare(host string, lineages []certificates.Lineage) []certificates.Fault {
	covered := false
	var newest *certificates.Certificate
	for _, lineage := range lineages {
		if !slices.ContainsFunc(s.names, lineage.Covers) {
			continue
		}
		covered = true
		c := lineage.Certificate
		if c.Leaf.Equal(s.leaf) {
			return nil
		}
		sameKey := c.Leaf.PublicKeyAlgorithm == s.leaf.PublicKeyAlgorithm
		if sameKey && (newest == nil || c.NotBefore.After(newest.NotBefore)) {
			newest = &c
		}
	}
	names, addresses := certificates.Names(s.names), list(s.addresses)
	switch {
	case !covered:
		return nil
	case newest != nil && newest.NotBefore.After(s.leaf.NotBefore):
		return []certificates.Fault{certificates.NewFault(certificates.NotReloaded, certificates.Attention,
			"renewed but not reloaded: visitors of %s at %s still get the certificate until %s, "+
				"while %s has one until %s on disk"+certificates.ReloadAdvice,
			names, addresses, certificates.Time(s.leaf.NotAfter), host, certificates.Time(newest.NotAfter))}
	}
	return []certificates.Fault{certificates.NewFault(certificates.NotFromCertbot, certificates.Attention,
		"visitors of %s at %s get a certificate that certbot on %s does not have", names, addresses, host)}
}
