package sweep

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// pass is one sweep in progress.
type pass struct {
	sources  Sources
	config   certificates.Config
	traffic  *traffic
	lineages map[string]hostAnswer
}

// site fills in the report of one site.
func (p *pass) site(ctx context.Context, report *certificates.SiteReport) {
	findings := p.observeNames(ctx, report.Site)
	report.Faults = findings.faults
	for _, seen := range findings.observations {
		report.Observations = append(report.Observations, seen.Observation)
	}
	collectCertificates(report, findings.observations)
	if lineages, ok := p.lineages[report.Host]; ok {
		known, err := lineages()
		report.Faults = append(report.Faults, compare(report, findings.observations, known, err)...)
	}
	report.Faults = append(report.Faults, p.askWindows(ctx, report)...)
	report.Faults = append(report.Faults, judge(findings.observations, p.config.ClockSkew)...)
	report.Faults = append(report.Faults, late(report, p.config.Thresholds, time.Now())...)
	report.Faults = certificates.WorstFirst(report.Faults)
	if len(report.Faults) > 0 {
		report.Severity = report.Faults[0].Severity
	}
}

// findings are what was seen of a site, and what is wrong with its DNS.
type findings struct {
	observations []observation
	faults       []certificates.Fault
}

// observeNames observes all names of a site at the same time.
func (p *pass) observeNames(ctx context.Context, site certificates.Site) findings {
	var all findings
	var mu sync.Mutex
	var running routine.WaitGroup
	for _, name := range site.Names {
		running.Go(func() {
			one := p.observeName(ctx, site, name)
			mu.Lock()
			defer mu.Unlock()
			all.observations = append(all.observations, one.observations...)
			all.faults = append(all.faults, one.faults...)
		})
	}
	running.Wait()
	slices.SortFunc(all.observations, compareObservations)
	return all
}

// observeName observes one name at every address to which DNS sends its visitors, and at those
// where they are expected.
func (p *pass) observeName(ctx context.Context, site certificates.Site, name string) findings {
	visited, faults := p.resolve(ctx, site, name)
	addresses := slices.Clone(visited)
	for _, address := range site.Addresses {
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	observations := make([]observation, len(addresses))
	var running routine.WaitGroup
	for i, address := range addresses {
		running.Go(func() {
			place := endpoint{name, address}
			observations[i] = p.traffic.observe(ctx, place, func() observation {
				return observe(ctx, p.sources.Prober, place)
			})
			observations[i].Visited = slices.Contains(visited, address)
		})
	}
	running.Wait()
	return findings{observations, faults}
}

// resolve asks DNS for a name's addresses and says what is wrong with its answers.
func (p *pass) resolve(ctx context.Context, site certificates.Site, name string) ([]netip.Addr, []certificates.Fault) {
	release := p.traffic.question()
	defer release()
	shown := probe.Unicode(name)
	addresses, err := p.sources.Names.Addresses(ctx, name)
	if err != nil {
		return nil, []certificates.Fault{certificates.NewFault(certificates.NoNameServer, certificates.Unchecked,
			"could not find out where visitors of %s arrive: %v", shown, err)}
	}
	if len(addresses) == 0 {
		return nil, []certificates.Fault{certificates.NewFault(certificates.NoAddress, certificates.Critical,
			"%s has no address in DNS", shown)}
	}
	var faults []certificates.Fault
	if strange := others(addresses, site.Addresses); len(site.Addresses) > 0 && len(strange) > 0 {
		faults = append(faults, certificates.NewFault(certificates.DNSElsewhere, certificates.Critical,
			"DNS sends visitors of %s to %s, but the site is at %s", shown, list(strange), list(site.Addresses)))
	}
	cached, err := p.sources.Names.Cached(ctx, name)
	if strange := others(cached, addresses); err == nil && len(strange) > 0 {
		faults = append(faults, certificates.NewFault(certificates.ResolverDisagrees, certificates.Attention,
			"this machine's resolver sends visitors of %s to %s, while the domain's own name servers say %s: "+
				"the resolver is out of date or wrong", shown, list(strange), list(addresses)))
	}
	return addresses, faults
}

// askWindows asks the authorities of the certificates that certbot renews.
func (p *pass) askWindows(ctx context.Context, report *certificates.SiteReport) []certificates.Fault {
	var faults []certificates.Fault
	for i := range report.Certificates {
		c := &report.Certificates[i]
		for _, lineage := range report.Lineages {
			if lineage.Certificate.Serial != c.Serial || lineage.Directory == "" {
				continue
			}
			window, err := p.sources.Windows.Window(ctx, lineage.Directory, c.Leaf)
			if err != nil {
				faults = append(faults, certificates.NewFault(certificates.NoRenewalInfo, certificates.Healthy,
					"the authority of %s does not say when to renew: %s", lineage.Name,
					certificates.Printable(err.Error(), 300)))
			}
			c.Window = window
		}
	}
	return faults
}

// others returns the addresses that are not known.
func others(addresses, known []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addresses), func(a netip.Addr) bool { return slices.Contains(known, a) })
}

func list(addresses []netip.Addr) string {
	texts := make([]string, len(addresses))
	for i, address := range addresses {
		texts[i] = address.String()
	}
	return strings.Join(texts, ", ")
}
