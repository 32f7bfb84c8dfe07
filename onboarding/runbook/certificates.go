package runbook

import (
	"cmp"
	"context"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewalinfo"
	"github.com/atlilith/onboardbot/onboarding/certificates/sweep"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// ConnectWatch makes only the parts that observing certificates needs. The caller closes them.
func ConnectWatch(config settings.Config) (*Parts, error) {
	config.Defaults()
	if err := config.ValidateWatch(); err != nil {
		return nil, err
	}
	parts := new(Parts)
	return parts, parts.connectSites(config)
}

// NewPlanner returns what checks the certificates of an inventory and plans their renewals. It
// needs the parts of [ConnectWatch].
func NewPlanner(parts *Parts, config settings.Config, inventory certificates.Inventory) (*renewal.Planner, error) {
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

// Sites returns the inventory of every domain that a run made live, from the bot's own database,
// and of the sites in the configuration.
func Sites(pool *pgxpool.Pool, config settings.Config) certificates.Inventory {
	config.Defaults()
	return certificates.Inventories{liveSites{pool, config}, certificates.Fixed(config.Certificates.Extra)}
}

type liveSites struct {
	pool   *pgxpool.Pool
	config settings.Config
}

// Sites implements [certificates.Inventory].
func (l liveSites) Sites(ctx context.Context) ([]certificates.Site, error) {
	live, err := store.LiveDomains(ctx, l.pool)
	if err != nil {
		return nil, err
	}
	sites := make([]certificates.Site, len(live))
	for i, domain := range live {
		name := cmp.Or(domain.Host, l.config.VPS)
		sites[i] = certificates.Site{Domain: domain.Name, Names: domain.Names(), Host: name,
			Addresses: l.config.Hosts[name].Addresses()}
	}
	return sites, nil
}
