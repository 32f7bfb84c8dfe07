package sweep

import (
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// collectCertificates fills in the different certificates that visitors get, and the chain of the
// first to expire.
func collectCertificates(r *certificates.SiteReport, seen []observation) {
	for _, observed := range seen {
		if !observed.Visited {
			continue
		}
		for _, leaf := range observed.leaves {
			c := certificates.FromX509(leaf)
			if !slices.ContainsFunc(r.Certificates, func(other certificates.Certificate) bool {
				return other.Serial == c.Serial
			}) {
				r.Certificates = append(r.Certificates, c)
			}
		}
	}
	slices.SortStableFunc(r.Certificates, func(a, b certificates.Certificate) int {
		return a.NotAfter.Compare(b.NotAfter)
	})
	for _, observed := range seen {
		if observed.Visited && len(observed.Serials) > 0 && observed.Serials[0] == r.Certificates[0].Serial {
			for _, c := range observed.chain {
				r.Chain = append(r.Chain, certificates.Link{
					Subject: c.Subject.String(), Issuer: c.Issuer.String(), NotAfter: c.NotAfter.UTC(),
				})
			}
			return
		}
	}
}

// judge returns what is wrong with what visitors get.
func judge(seen []observation, maxSkew time.Duration) []certificates.Fault {
	var faults []certificates.Fault
	for _, observed := range seen {
		for _, problem := range observed.problems {
			faults = append(faults, certificates.Fault{
				Kind: problem.Kind, Severity: severity(observed, problem.Kind, seen), Sentence: problem.Sentence,
			})
		}
		if redirect := observed.redirect; redirect != nil && len(observed.leaves) > 0 {
			faults = append(faults, certificates.Fault{
				Kind: redirect.Kind, Severity: certificates.Attention, Sentence: redirect.Sentence,
			})
		}
		if skew := observed.skew.Abs(); skew > maxSkew {
			faults = append(faults, certificates.NewFault(certificates.ClockSkew, certificates.Attention,
				"the clocks of %s and of this machine differ by %s: one of them is wrong, "+
					"and validity is judged by this machine's", observed.Address, certificates.Span(skew)))
		}
		faults = append(faults, differing(observed, seen)...)
	}
	return faults
}

// severity is that of a problem at an endpoint. An address that cannot be reached from this
// machine may work for visitors: IPv6, for example, if this machine has none. So that is a remark
// if the name works at another address.
func severity(observed observation, kind probe.Kind, seen []observation) certificates.Severity {
	switch {
	case kind == probe.Unreachable:
		works := func(other observation) bool { return other.Name == observed.Name && len(other.leaves) > 0 }
		if slices.ContainsFunc(seen, works) {
			return certificates.Healthy
		}
		return certificates.Unchecked
	case kind == probe.Aborted:
		return certificates.Unchecked
	case !observed.Visited:
		return certificates.Attention
	}
	return certificates.Critical
}

// differing compares an endpoint with the same name at lower addresses: visitors should get the
// same over IPv4 and IPv6.
func differing(observed observation, seen []observation) []certificates.Fault {
	if len(observed.Serials) == 0 {
		return nil
	}
	for _, other := range seen {
		before := other.Name == observed.Name && other.Address.Less(observed.Address)
		if before && len(other.Serials) > 0 && other.Serials[0] != observed.Serials[0] {
			return []certificates.Fault{certificates.NewFault(certificates.Differing, certificates.Attention,
				"visitors of %s get one certificate at %s and another at %s", probe.Unicode(observed.Name),
				other.Address, observed.Address)}
		}
	}
	return nil
}

// late returns a fault for each certificate whose renewal is late. An expired one has a fault of
// its own.
func late(r *certificates.SiteReport, thresholds certificates.Thresholds, now time.Time) []certificates.Fault {
	var faults []certificates.Fault
	for _, c := range r.Own(r.Certificates) {
		threshold, level, ok := thresholds.Passed(c, r.RenewBefore(c), now)
		if !ok || threshold == certificates.Expired {
			continue
		}
		severity := certificates.Attention
		if level == certificates.Urgent {
			severity = certificates.Critical
		}
		state := "is still not renewed"
		if due := thresholds.RenewalDue(c, r.RenewBefore(c)); due.Before(now) {
			state = "should have been renewed by " + certificates.Time(due) + " and was not"
		}
		faults = append(faults, certificates.NewFault(certificates.Late, severity, "the %s of %s %s", r.Describe(c),
			r.Shown(), state))
	}
	return faults
}
