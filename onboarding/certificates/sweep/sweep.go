// Package sweep checks the certificates of sites from outside: it connects to every name at every
// address as a visitor does, and compares what it gets with DNS, with what certbot has on the
// host, and with the thresholds.
package sweep

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewalinfo"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Names resolves names to addresses.
type Names interface {
	// Addresses asks the domain's own name servers.
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
	// Cached asks this machine's resolver.
	Cached(ctx context.Context, name string) ([]netip.Addr, error)
}

// Lineages reads what certbot has on a host.
type Lineages interface {
	Lineages(ctx context.Context, host string) ([]certificates.Lineage, error)
}

// Windows asks an authority when it suggests to renew a certificate. The window is nil if it
// suggests nothing.
type Windows interface {
	Window(ctx context.Context, directory string, leaf *x509.Certificate) (*certificates.Window, error)
}

var (
	_ Names    = (*dns.Resolver)(nil)
	_ Lineages = certbot.Hosts(nil)
	_ Windows  = (*renewalinfo.Client)(nil)
)

// Sources are what a sweep asks. All are needed.
type Sources struct {
	Prober   *probe.Prober
	Names    Names
	Lineages Lineages
	Windows  Windows
}

// Sweeper checks sites. It is safe for concurrent use.
type Sweeper struct {
	sources Sources
	config  certificates.Config
}

// New returns a sweeper.
func New(sources Sources, config certificates.Config) (*Sweeper, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	return &Sweeper{sources, config.WithDefaults()}, nil
}

// Config is the sweeper's configuration with its defaults.
func (s *Sweeper) Config() certificates.Config { return s.config }

// Sweep checks every name of every site, many at a time but few at any one address, so a slow
// address delays only itself. What is wrong with a site is in the report. The error is that of an
// unusable name or of a context that ended.
func (s *Sweeper) Sweep(ctx context.Context, sites []certificates.Site) (certificates.Report, error) {
	began := time.Now()
	report := certificates.Report{At: began, Sites: make([]certificates.SiteReport, len(sites))}
	for i, site := range sites {
		site, err := site.Canonical()
		if err != nil {
			return certificates.Report{}, err
		}
		report.Sites[i].Site = site
	}
	p := &pass{
		sources:  s.sources,
		config:   s.config,
		traffic:  newTraffic(s.config.Parallel, s.config.PerHost),
		lineages: s.askHosts(ctx, report.Sites),
	}
	var running routine.Group
	for i := range report.Sites {
		running.Go(func() error { p.site(ctx, &report.Sites[i]); return nil })
	}
	if err := running.Wait(); err != nil {
		return certificates.Report{}, err
	}
	if err := ctx.Err(); err != nil {
		return certificates.Report{}, err
	}
	report.Sort()
	report.Took = time.Since(began)
	return report, nil
}

// hostAnswer waits for what certbot has on one host.
type hostAnswer func() ([]certificates.Lineage, error)

// askHosts asks each host once, while the sites are being observed.
func (s *Sweeper) askHosts(ctx context.Context, sites []certificates.SiteReport) map[string]hostAnswer {
	answers := make(map[string]hostAnswer)
	for _, site := range sites {
		if site.Host == "" || answers[site.Host] != nil {
			continue
		}
		answer := sync.OnceValues(func() ([]certificates.Lineage, error) {
			return s.sources.Lineages.Lineages(ctx, site.Host)
		})
		answers[site.Host] = answer
		routine.Go(func() { _, _ = answer() })
	}
	return answers
}
