// Package renewal says what is left to renew of a site's certificates, and why a renewal is not
// happening. It changes nothing.
package renewal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/dns"
)

// ErrUnwatched is returned for a domain that is not in the inventory.
var ErrUnwatched = errors.New("not watched")

// Planner plans renewals of the sites of an inventory.
type Planner struct {
	Sweeper   *sweep.Sweeper
	Doctor    *Doctor
	Inventory certificates.Inventory
}

// Site finds the site with a domain or name, in ASCII or Unicode. It fails with [ErrUnwatched].
func (p *Planner) Site(ctx context.Context, domain string) (certificates.Site, error) {
	name, err := dns.Name(domain)
	if err != nil {
		return certificates.Site{}, fmt.Errorf("%w: %w", ErrUnwatched, err)
	}
	sites, err := p.Inventory.Sites(ctx)
	if err != nil {
		return certificates.Site{}, fmt.Errorf("certificates to watch: %w", err)
	}
	for _, site := range sites {
		if site, err = site.Canonical(); err == nil && (site.Domain == name || slices.Contains(site.Names, name)) {
			return site, nil
		}
	}
	return certificates.Site{}, fmt.Errorf("%s: %w", domain, ErrUnwatched)
}

// Observe checks one site.
func (p *Planner) Observe(ctx context.Context, site certificates.Site) (certificates.SiteReport, error) {
	report, err := p.Sweeper.Sweep(ctx, []certificates.Site{site})
	if err != nil {
		return certificates.SiteReport{}, err
	}
	return report.Sites[0], nil
}

// Outstanding says what is left to do about a site that was just observed. It fails with a
// [*certificates.UnrenewableError] if the bot cannot renew the certificate, and with a
// [*certificates.LimitError] if an attempt would run into a rate limit of the authority.
func (p *Planner) Outstanding(ctx context.Context, site certificates.SiteReport,
	now time.Time) (certificates.Renewal, error) {
	outstanding, err := p.Sweeper.Config().Thresholds.Outstanding(site, now)
	if err != nil {
		return certificates.Renewal{}, err
	}
	for _, lineage := range outstanding.Due {
		if err := p.Doctor.MayRenew(ctx, site.Host, lineage, now); err != nil {
			return certificates.Renewal{}, err
		}
	}
	return outstanding, nil
}
