package runbook

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewalinfo"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// ValidateWatch reports what is wrong with those parts of the configuration alone that looking at certificates needs.
func (c *Config) ValidateWatch() error {
	var p problems
	c.validateHosts(&p)
	c.validateCertificates(&p)
	p.under("probe", c.Probe.Validate())
	return errors.Join(p...)
}

func (c *Config) validateCertificates(p *problems) {
	p.under("certificates", c.Certificates.Validate())
	for i, site := range c.Certificates.Extra {
		if _, known := c.Hosts[site.Host]; site.Host != "" && !known {
			p.add(fmt.Sprintf("certificates.extra[%d].host", i), "%q is not one of hosts", site.Host)
		}
	}
}

// ConnectWatch makes those parts alone that looking at certificates needs. The caller closes them.
func ConnectWatch(config Config) (*Parts, error) {
	config.Defaults()
	if err := config.ValidateWatch(); err != nil {
		return nil, err
	}
	parts := new(Parts)
	return parts, parts.connectSites(config)
}

// connectSites makes what sites are looked at with.
func (p *Parts) connectSites(config Config) (err error) {
	p.Hosts = make(map[string]*hosts.Host)
	for name, host := range config.Hosts {
		if p.Hosts[name], err = hosts.New(host.Config); err != nil {
			return err
		}
	}
	if p.Resolver, err = dns.NewResolver(config.DNS.Resolver); err != nil {
		return err
	}
	p.Prober, err = probe.New(config.Probe)
	return err
}

// NewPlanner returns what checks the certificates of an inventory and plans their renewals. It needs the parts of [ConnectWatch].
func NewPlanner(parts *Parts, config Config, inventory certificates.Inventory) (*renewal.Planner, error) {
	roots, err := config.Probe.Roots()
	if err != nil {
		return nil, err
	}
	machines := make(certbot.Hosts)
	for name, host := range parts.Hosts {
		machines[name] = host
	}
	sweeper, err := sweep.New(sweep.Sources{
		Prober: parts.Prober, Names: parts.Resolver, Lineages: machines, Windows: renewalinfo.New(roots),
	}, config.Certificates.Config)
	if err != nil {
		return nil, err
	}
	doctor := renewal.NewDoctor(machines, parts.Resolver, parts.Prober, config.Certificates.Limits)
	return &renewal.Planner{Sweeper: sweeper, Doctor: doctor, Inventory: inventory}, nil
}

// Sites are every domain that a run made live, from the bot's own database, and those of the configuration.
func Sites(pool *pgxpool.Pool, config Config) certificates.Inventory {
	config.Defaults()
	return certificates.Inventories{liveSites{pool, config}, certificates.Fixed(config.Certificates.Extra)}
}

type liveSites struct {
	pool   *pgxpool.Pool
	config Config
}

// Sites implements [certificates.Inventory].
func (l liveSites) Sites(ctx context.Context) ([]certificates.Site, error) {
	live, err := store.LiveDomains(ctx, l.pool)
	if err != nil {
		return nil, err
	}
	sites := make([]certificates.Site, len(live))
	for i, domain := range live {
		name := domain.Host
		if name == "" {
			name = l.config.VPS
		}
		sites[i] = certificates.Site{Domain: domain.Name, Names: domain.Names(), Host: name, Addresses: l.config.Hosts[name].addresses()}
	}
	return sites, nil
}

// addresses are the host's public ones, IPv4 first. What is no address has been refused before.
func (h Host) addresses() []netip.Addr {
	var list []netip.Addr
	for _, text := range []string{h.IPv4, h.IPv6} {
		if address, err := netip.ParseAddr(text); err == nil {
			list = append(list, address)
		}
	}
	return list
}

// extra finds a site of the configuration by its domain.
func (c *Config) extra(domain string) (certificates.Site, bool) {
	i := slices.IndexFunc(c.Certificates.Extra, func(site certificates.Site) bool {
		canonical, err := site.Canonical()
		return err == nil && canonical.Domain == domain
	})
	if i < 0 {
		return certificates.Site{}, false
	}
	return c.Certificates.Extra[i], true
}
