package certificates

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/dns"
)

// ErrUnwatched says that a domain is not in the inventory.
var ErrUnwatched = errors.New("not watched")

// UnrenewableError says why the bot cannot renew a certificate, as a sentence with what somebody can do.
type UnrenewableError struct{ Sentence string }

func (e *UnrenewableError) Error() string { return e.Sentence }

func unrenewable(format string, args ...any) error {
	return &UnrenewableError{fmt.Sprintf(format, args...)}
}

// Renewal is what is left to do about a site's certificates. The zero Renewal is nothing.
type Renewal struct {
	// Due are the lineages that ought to have been renewed by now.
	Due []Lineage
	// Reload says that a renewed certificate is on the host, and visitors do not get it yet.
	Reload bool
}

// None reports that there is nothing to do.
func (r Renewal) None() bool { return len(r.Due) == 0 && !r.Reload }

// Keeper answers for the certificates of an inventory.
type Keeper struct {
	Sweeper   *Sweeper
	Doctor    *Doctor
	Inventory Inventory
}

// Site finds a domain of the inventory, however it is written. It fails with [ErrUnwatched].
func (k *Keeper) Site(ctx context.Context, domain string) (Site, error) {
	name, err := dns.Name(domain)
	if err != nil {
		return Site{}, fmt.Errorf("%w: %w", ErrUnwatched, err)
	}
	sites, err := k.Inventory.Sites(ctx)
	if err != nil {
		return Site{}, fmt.Errorf("certificates to watch: %w", err)
	}
	for _, site := range sites {
		if site, err = site.Canonical(); err == nil && (site.Domain == name || slices.Contains(site.Names, name)) {
			return site, nil
		}
	}
	return Site{}, fmt.Errorf("%s: %w", domain, ErrUnwatched)
}

// Look sees how one site stands.
func (k *Keeper) Look(ctx context.Context, site Site) (SiteReport, error) {
	report, err := k.Sweeper.Sweep(ctx, []Site{site})
	if err != nil {
		return SiteReport{}, err
	}
	return report.Sites[0], nil
}

// Renewal says what is left to do about a site that was just looked at. It refuses what cannot be renewed from here with an
// [*UnrenewableError], and what would only burn the authority's limits with a [*LimitError].
func (k *Keeper) Renewal(ctx context.Context, site SiteReport, now time.Time) (Renewal, error) {
	renewal, err := k.Sweeper.wanted(site, now)
	if err != nil {
		return Renewal{}, err
	}
	for _, lineage := range renewal.Due {
		if err := k.Doctor.MayRenew(ctx, site.Host, lineage, now); err != nil {
			return Renewal{}, err
		}
	}
	return renewal, nil
}

// wanted compares what is on the host with the thresholds, and with what visitors get.
func (s *Sweeper) wanted(site SiteReport, now time.Time) (Renewal, error) {
	find := func(kind Kind) (Fault, bool) {
		i := slices.IndexFunc(site.Faults, func(f Fault) bool { return f.Kind == kind })
		if i < 0 {
			return Fault{}, false
		}
		return site.Faults[i], true
	}
	if site.Host == "" {
		return Renewal{}, unrenewable("Nobody said on which host certbot looks after %s.", site.Shown())
	}
	if silent, found := find(HostSilent); found {
		return Renewal{}, unrenewable("%s.", upper(silent.Sentence))
	}
	if len(site.Lineages) == 0 {
		return Renewal{}, unrenewable("certbot on %s has no certificate for %s that could be renewed.", site.Host, site.Shown())
	}
	var renewal Renewal
	for _, lineage := range site.Lineages {
		if !s.wants(site, lineage, now) {
			continue
		}
		if lineage.Manual {
			return Renewal{}, unrenewable("Somebody turned automatic renewal of %s off on %s, so that certbot would leave it alone: turn it on there first.", lineage.Name, site.Host)
		}
		renewal.Due = append(renewal.Due, lineage)
	}
	_, renewal.Reload = find(NotReloaded)
	return renewal, nil
}

// wants says whether the newest certificate of a lineage ought to be renewed: when the host should have done so, or somebody has been
// reminded of it.
func (s *Sweeper) wants(site SiteReport, lineage Lineage, now time.Time) bool {
	c := lineage.Certificate
	for _, served := range site.Certificates {
		if served.Serial == c.Serial {
			c = served // which knows the authority's window
		}
	}
	t := s.config.Thresholds
	return !now.Before(t.RenewalDue(c, lineage.RenewBefore)) || len(t.passed(c, lineage.RenewBefore, now)) > 0
}
