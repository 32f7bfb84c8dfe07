package runbook

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
	"github.com/atlilith/onboardbot/onboarding/runbook/portal"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// Parts are what the runbook works with; [Connect] makes them of a configuration.
type Parts struct {
	Platform *platform.DB
	Hosts    map[string]*hosts.Host // by the name in the configuration
	Repo     *repo.Repo
	Resolver *dns.Resolver
	Prober   *probe.Prober
	// Assets holds the logos of requests. [Connect] leaves an empty one here; the wiring replaces
	// it.
	Assets folder.Assets
	// Isolation checks new tenants against all others. [Connect] leaves one here that returns an
	// error; the wiring replaces it.
	Isolation Isolation
}

// noAssets holds nothing.
type noAssets struct{}

func (noAssets) Get(_ context.Context, digest string) ([]byte, error) {
	return nil, fmt.Errorf("asset %s: %w", digest, onboarding.ErrNotFound)
}

// Connect makes the parts. It opens no connection yet. The caller closes them.
func Connect(config settings.Config) (*Parts, error) {
	config.Defaults()
	if err := config.Validate(); err != nil {
		return nil, err
	}
	parts := &Parts{Assets: noAssets{}, Isolation: noIsolation{}}
	if err := parts.connectSites(config); err != nil {
		return nil, err
	}
	var err error
	if parts.Repo, err = repo.New(parts.Hosts[config.Repository.Host], config.Repository.Config); err != nil {
		return nil, err
	}
	if parts.Platform, err = platform.New(config.Platform); err != nil {
		return nil, err
	}
	return parts, nil
}

// connectSites makes the parts that observe sites.
func (p *Parts) connectSites(config settings.Config) (err error) {
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

// Warm opens the connections to the hosts, which the first run would otherwise wait for. A host
// that cannot be reached is no error: the step that needs it reports it.
func (p *Parts) Warm(ctx context.Context) {
	var warming routine.WaitGroup
	for _, host := range p.Hosts {
		warming.Go(func() { _, _ = host.Ping(ctx) })
	}
	warming.Wait()
}

// Close ends every connection.
func (p *Parts) Close() {
	if p.Platform != nil {
		p.Platform.Close()
	}
	var closing routine.WaitGroup
	for _, host := range p.Hosts {
		closing.Go(func() { _ = host.Close() }) // a connection that cannot be closed ends by itself when it is idle
	}
	closing.Wait()
}

// components are what the steps are made of: the parts, and what is built over them once for
// several steps.
type components struct {
	Parts
	config    settings.Config
	publisher dns.Publisher
	planner   *renewal.Planner
	sites     *site.Finder
	folders   *folder.Planner
	mail      *siteMail
	portal    *portal.Portal
	visitors  site.Prober
}

func newComponents(parts *Parts, config settings.Config) (*components, error) {
	c := &components{Parts: *parts, config: config}
	var err error
	if c.planner, err = NewPlanner(parts, config, nil); err != nil {
		return nil, err
	}
	if c.publisher, err = config.DNS.Publisher(); err != nil {
		return nil, err
	}
	c.sites = site.NewFinder(config, parts.Hosts, parts.Repo)
	c.visitors = site.NewProber(parts.Prober, config.Certificate.Left)
	c.folders = folder.NewPlanner(parts.Repo, config, parts.Assets)
	c.mail = &siteMail{config: config.Mail, plans: config.MailPlans(), hosts: parts.Hosts, resolver: parts.Resolver}
	c.portal = portal.New(config.Portal, parts.Platform, parts.Prober)
	return c, nil
}
