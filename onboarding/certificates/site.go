package certificates

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/probe"
)

// Site is one domain whose certificates are watched.
type Site struct {
	// Domain is the apex, by which the site is known.
	Domain string `yaml:"domain" json:"domain"`
	// Names are what the certificate must cover. Default: the domain and www below it.
	Names []string `yaml:"names" json:"names"`
	// Host is the configured host on which certbot manages the certificate, empty if that is not
	// known.
	Host string `yaml:"host" json:"host,omitempty"`
	// Addresses are where visitors are expected to arrive. If empty, that is not checked.
	Addresses []netip.Addr `yaml:"addresses" json:"addresses,omitempty"`
}

// Inventory says which sites are watched.
type Inventory interface {
	Sites(ctx context.Context) ([]Site, error)
}

// Fixed is an inventory that does not change.
type Fixed []Site

// Sites implements [Inventory].
func (f Fixed) Sites(context.Context) ([]Site, error) { return f, nil }

// Inventories joins several inventories. If several have the same domain, the first one counts.
type Inventories []Inventory

// Sites implements [Inventory].
func (i Inventories) Sites(ctx context.Context) ([]Site, error) {
	var all []Site
	for _, inventory := range i {
		sites, err := inventory.Sites(ctx)
		if err != nil {
			return nil, err
		}
		for _, site := range sites {
			if site, err = site.Canonical(); err != nil {
				return nil, err
			}
			if !slices.ContainsFunc(all, func(s Site) bool { return s.Domain == site.Domain }) {
				all = append(all, site)
			}
		}
	}
	return all, nil
}

// Canonical checks the names, fills in the defaults, and returns the site with every name in
// ASCII.
func (s Site) Canonical() (Site, error) {
	domain, err := dns.Name(s.Domain)
	if err != nil {
		return Site{}, fmt.Errorf("domain: %w", err)
	}
	s.Domain = domain
	names := s.Names
	if len(names) == 0 {
		names = []string{domain, "www." + domain}
	}
	s.Names = nil
	for i, name := range names {
		if name, err = dns.Name(name); err == nil && strings.HasPrefix(name, "*") {
			err = fmt.Errorf("%q is a wildcard: give a name that visitors use", name)
		}
		if err != nil {
			return Site{}, fmt.Errorf("names[%d]: %w (of %s)", i, err, domain)
		}
		if !slices.Contains(s.Names, name) {
			s.Names = append(s.Names, name)
		}
	}
	return s, nil
}

// Shown is the domain in Unicode.
func (s Site) Shown() string { return probe.Unicode(s.Domain) }
