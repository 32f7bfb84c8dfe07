package certificates

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Names says where visitors of a name land.
type Names interface {
	// Addresses asks the domain's own name servers.
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	// Cached asks this machine's resolver.
	Cached(ctx context.Context, name string) ([]netip.Addr, error)
}

// Lineages says what certbot has on a host.
type Lineages interface {
	Lineages(ctx context.Context, host string) ([]Lineage, error)
}

// Windows says when an authority suggests to renew; nil for no suggestion.
type Windows interface {
	Window(ctx context.Context, directory string, leaf *x509.Certificate) (*Window, error)
}

var (
	_ Names    = (*dns.Resolver)(nil)
	_ Lineages = Certbot(nil)
	_ Windows  = (*RenewalInfo)(nil)
)

// Sources are what a sweep looks at.
type Sources struct {
	Prober   *probe.Prober
	Names    Names
	Lineages Lineages
	Windows  Windows
}

// Sweeper looks at sites. It is safe for concurrent use.
type Sweeper struct {
	Sources
	config Config
}

// NewSweeper makes a sweeper; every source is needed.
func NewSweeper(sources Sources, config Config) (*Sweeper, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	return &Sweeper{sources, config.WithDefaults()}, nil
}

// Sweep looks at every name of every site, many at once and few at any one address, so that a dead or slow one delays only
// itself. What goes wrong is in the report; the error is only that of a site with an unusable name, or of a context that ended.
func (s *Sweeper) Sweep(ctx context.Context, sites []Site) (Report, error) {
	began := time.Now()
	report := Report{At: began, Sites: make([]SiteReport, len(sites))}
	for i, site := range sites {
		site, err := site.Canonical()
		if err != nil {
			return Report{}, err
		}
		report.Sites[i].Site = site
	}
	sweep := newTraffic(s.config.Parallel, s.config.PerHost)
	certbot := s.askHosts(ctx, report.Sites)
	var running sync.WaitGroup
	for i := range report.Sites {
		running.Go(func() { s.site(ctx, &report.Sites[i], sweep, certbot) })
	}
	running.Wait()
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	report.sort()
	report.Took = time.Since(began)
	return report, nil
}

// hostAnswer is what certbot on one host said, once it has.
type hostAnswer func() ([]Lineage, error)

// askHosts asks each host once, all at the same time as the looks.
func (s *Sweeper) askHosts(ctx context.Context, sites []SiteReport) map[string]hostAnswer {
	answers := make(map[string]hostAnswer)
	for _, site := range sites {
		if site.Host == "" || answers[site.Host] != nil {
			continue
		}
		answer := sync.OnceValues(func() ([]Lineage, error) { return s.Lineages.Lineages(ctx, site.Host) })
		answers[site.Host] = answer
		go func() { _, _ = answer() }()
	}
	return answers
}

func (s *Sweeper) site(ctx context.Context, report *SiteReport, sweep *traffic, certbot map[string]hostAnswer) {
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, name := range report.Names {
		running.Go(func() {
			looks, faults := s.name(ctx, report.Site, name, sweep)
			mu.Lock()
			defer mu.Unlock()
			report.Looks = append(report.Looks, looks...)
			report.Faults = append(report.Faults, faults...)
		})
	}
	running.Wait()
	slices.SortFunc(report.Looks, compareLooks)
	report.gather()
	if answer, ok := certbot[report.Host]; ok {
		lineages, err := answer()
		report.Faults = append(report.Faults, s.compare(report, lineages, err)...)
	}
	s.askWindows(ctx, report)
	report.Faults = worstFirst(slices.Concat(report.Faults, s.judgeLooks(report), s.late(report, time.Now())))
	if len(report.Faults) > 0 {
		report.Severity = report.Faults[0].Severity
	}
}

// name looks at one name wherever DNS leads its visitors, and wherever they ought to land.
func (s *Sweeper) name(ctx context.Context, site Site, name string, sweep *traffic) ([]Look, []Fault) {
	visited, faults := s.whereTo(ctx, site, name, sweep)
	addresses := slices.Clone(visited)
	for _, address := range site.Addresses {
		if !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	looks := make([]Look, len(addresses))
	var running sync.WaitGroup
	for i, address := range addresses {
		running.Go(func() {
			looks[i] = sweep.look(ctx, address, func() Look { return s.look(ctx, name, address) }, name)
			looks[i].Visited = slices.Contains(visited, address)
		})
	}
	running.Wait()
	return looks, faults
}

// whereTo asks DNS and says what is wrong with its answers.
func (s *Sweeper) whereTo(ctx context.Context, site Site, name string, sweep *traffic) ([]netip.Addr, []Fault) {
	release := sweep.question()
	defer release()
	shown := probe.Unicode(name)
	addresses, err := s.Names.Addresses(ctx, name)
	if err != nil {
		return nil, []Fault{fault(NoNameServer, Blind, "could not find out where visitors of %s land: %v", shown, err)}
	}
	if len(addresses) == 0 {
		return nil, []Fault{fault(NoAddress, Critical, "%s has no address in DNS", shown)}
	}
	var faults []Fault
	if strange := others(addresses, site.Addresses); len(site.Addresses) > 0 && len(strange) > 0 {
		faults = append(faults, fault(Elsewhere, Critical, "DNS leads visitors of %s to %s, but the site is at %s", shown, list(strange), list(site.Addresses)))
	}
	if cached, err := s.Names.Cached(ctx, name); err == nil {
		if strange := others(cached, addresses); len(strange) > 0 {
			faults = append(faults, fault(LyingResolver, Attention, "this machine's resolver leads visitors of %s to %s, while the domain's own name servers say %s: it is out of date or it lies", shown, list(strange), list(addresses)))
		}
	}
	return addresses, faults
}

func others(addresses, known []netip.Addr) []netip.Addr {
	return slices.DeleteFunc(slices.Clone(addresses), func(a netip.Addr) bool { return slices.Contains(known, a) })
}
