package runbook

import (
	"context"
	"errors"

	"slices"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
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

const kindPreflight = onboarding.KindPreflight

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
		zones: zoneChecks{c.config.DNS.Provider, c.Resolver, c.publisher}, mail: c.mail, portal: c.portal,
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
	var group routine.Group
	group.SetLimit(checksAtOnce)
	for i, check := range checks {
		group.Go(func() error {
			if err := routine.Call(func() error { found[i] = check(ctx); return nil }); err != nil {
				found[i] = []onboarding.Finding{onboarding.Failing("check", "Report this.", "%v", err)}
			}
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
