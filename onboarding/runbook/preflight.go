package runbook

import (
	"context"
	"errors"

	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
	"github.com/atlilith/onboardbot/onboarding/runbook/hostcheck"
	"github.com/atlilith/onboardbot/onboarding/runbook/portal"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// checksAtOnce bounds the checks that run at the same time. Those of one host must stay below the
// ten sessions that an ssh connection carries (sshd_config(5), MaxSessions): one more would need a
// connection of its own.
const checksAtOnce = 4

// preflightStep checks everything that the other steps rely on.
func preflightStep(c *components) Step {
	return Step{Kind: kindPreflight, Title: "Preflight", Observe: newPreflight(c).observe}
}

type preflight struct {
	config    settings.Config
	db        *platform.DB
	sites     *site.Finder
	folders   *folder.Planner
	zones     zoneChecks
	mail      *siteMail
	portal    *portal.Portal
	isolation *isolation
	database  *database
}

func newPreflight(c *components) *preflight {
	return &preflight{
		config: c.config, db: c.Platform, sites: c.sites, folders: c.folders,
		zones: zoneChecks{c.Resolver, c.publisher}, mail: c.mail, portal: c.portal,
		isolation: &isolation{c.Isolation}, database: &database{c.Platform},
	}
}

// check returns findings about one thing. A failed finding has its fix.
type check func(ctx context.Context) []onboarding.Finding

// observe makes one table of everything that the steps rely on.
func (p *preflight) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	sites, err := p.sites.All(s.run)
	if err != nil {
		return onboarding.Observation{}, err
	}
	checks := []check{p.db.Check, func(ctx context.Context) []onboarding.Finding {
		return p.checkRepository(ctx, s.run, sites)
	}}
	var machines []*hosts.Host
	for _, each := range sites {
		if !slices.Contains(machines, each.Host) {
			machines = append(machines, each.Host)
		}
	}
	for _, host := range machines {
		checks = append(checks, func(ctx context.Context) []onboarding.Finding {
			return hostcheck.VPS(ctx, host, p.config.Certificate.Command[0], sites)
		})
	}
	for _, each := range sites {
		checks = append(checks,
			func(ctx context.Context) []onboarding.Finding { return p.zones.check(ctx, each) },
			func(ctx context.Context) []onboarding.Finding { return p.mail.preflight(ctx, each) })
	}
	checks = append(checks,
		func(ctx context.Context) []onboarding.Finding { return p.portal.Preflight(ctx, s.run) },
		p.isolation.preflight)
	findings := checkTogether(ctx, checks)
	if !slices.ContainsFunc(findings, failed) {
		findings = append(findings, p.checkRows(ctx, s)...)
	}
	return onboarding.Observation{Findings: findings}, ctx.Err()
}

func failed(finding onboarding.Finding) bool { return finding.Level == onboarding.Failed }

// checkTogether runs checks at the same time and returns their findings in order.
func checkTogether(ctx context.Context, checks []check) []onboarding.Finding {
	found := make([][]onboarding.Finding, len(checks))
	var group errgroup.Group
	group.SetLimit(checksAtOnce)
	for i, check := range checks {
		group.Go(func() error {
			found[i] = check(ctx)
			return nil
		})
	}
	_ = group.Wait() // checks report in their findings
	return slices.Concat(found...)
}

// checkRows finds now what the database step would find in the way of its rows.
func (p *preflight) checkRows(ctx context.Context, s *scope) []onboarding.Finding {
	const name = "database rows"
	seen, err := p.database.observe(ctx, s)
	conflict, conflicts := errors.AsType[*onboarding.ConflictError](err)
	switch {
	case conflicts:
		return []onboarding.Finding{onboarding.Failing(name, conflict.Fix, "%s", conflict.What)}
	case err != nil:
		return []onboarding.Finding{onboarding.Failing(name, "Retry.", "%s", platform.Explain(err))}
	case seen.Change.Empty():
		return []onboarding.Finding{onboarding.Passed(name, "they exist already")}
	}
	return []onboarding.Finding{onboarding.Passed(name, "nothing conflicts with them")}
}

// zoneChecks check whether records can be published.
type zoneChecks struct {
	resolver  *dns.Resolver
	publisher dns.Publisher
}

const checkKeyFix = "Check dns.rfc2136, and that the key may update this zone."

// check finds whether the domain has name servers, and whether the bot may publish there.
func (z zoneChecks) check(ctx context.Context, s *site.Site) []onboarding.Finding {
	name := "zone of " + s.Domain
	byHand := !z.publisher.Guarantees().Automatic
	zone, err := z.resolver.Zone(ctx, s.Domain)
	if err == nil {
		_, err = z.resolver.Observe(ctx, s.Domain, []dns.Question{{Name: s.Domain, Type: "A"}})
	}
	switch {
	case err != nil && byHand:
		return []onboarding.Finding{onboarding.Doubtful(name,
			"Register the domain and delegate it: the run will wait for it.", "%v", err)}
	case err != nil:
		return []onboarding.Finding{onboarding.Failing(name,
			"Register the domain, delegate it to the platform's name servers and add the zone there.", "%v", err)}
	case byHand:
		return []onboarding.Finding{onboarding.Passed(name, "%s; its records are made by hand", zone)}
	}
	if err := z.publisher.Check(ctx, zone); err != nil {
		return []onboarding.Finding{onboarding.Failing(name, checkKeyFix, "%v", err)}
	}
	return []onboarding.Finding{onboarding.Passed(name, "%s accepts signed updates", zone)}
}

// checkUpdates asks the primary name server whether it knows the key: for each zone that is
// configured, or for none in particular. Whether the key may change another zone is seen by the
// run that needs it.
func (z zoneChecks) checkUpdates(ctx context.Context, config dns.RFC2136Config) []onboarding.Finding {
	const name = "DNS updates"
	if !z.publisher.Guarantees().Automatic {
		return []onboarding.Finding{onboarding.Passed(name, "records are made by hand; runs wait for them")}
	}
	for _, zone := range config.Zones {
		if err := z.publisher.Check(ctx, zone); err != nil {
			return []onboarding.Finding{onboarding.Failing(name, checkKeyFix, "%v", err)}
		}
	}
	if len(config.Zones) > 0 {
		return []onboarding.Finding{onboarding.Passed(name, "%s accepts them for %s", config.Server,
			strings.Join(config.Zones, ", "))}
	}
	err := z.publisher.Check(ctx, sampleName+".example")
	for _, unusable := range []error{dns.ErrBadKey, dns.ErrBadSig, dns.ErrBadTime, dns.ErrNoReply, dns.ErrUnsigned} {
		if errors.Is(err, unusable) {
			return []onboarding.Finding{onboarding.Failing(name,
				"Check dns.rfc2136, and the name server's configuration of this key.", "%v", err)}
		}
	}
	return []onboarding.Finding{onboarding.Passed(name, "%s knows the key %s", config.Server, config.Key)}
}
