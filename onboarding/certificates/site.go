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

// Site is one domain to watch.
type Site struct {
	// Domain is the apex, and what the site is known by.
	Domain string `yaml:"domain" json:"domain"`
	// Names are what the certificate must cover. Default: the domain and www below it.
	Names []string `yaml:"names" json:"names"`
	// Host is where certbot looks after the certificate, as the hosts are named elsewhere; empty when nobody knows.
	Host string `yaml:"host" json:"host,omitempty"`
	// Addresses are where visitors ought to land; empty when that is not checked.
	Addresses []netip.Addr `yaml:"addresses" json:"addresses,omitempty"`
}

// Inventory says what to watch.
type Inventory interface {
	Sites(ctx context.Context) ([]Site, error)
}

// Fixed is an inventory that does not change.
type Fixed []Site

// Sites implements [Inventory].
func (f Fixed) Sites(context.Context) ([]Site, error) { return f, nil }

// Inventories joins several; what an earlier one says of a domain stands.
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

// Canonical checks the names, fills in the defaults, and returns the site with every name as it goes over the wire.
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
			err = fmt.Errorf("%q stands for many names: give one that visitors use", name)
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

// Shown is the domain as people read it.
func (s Site) Shown() string { return probe.Unicode(s.Domain) }
