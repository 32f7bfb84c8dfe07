package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// checksAtOnce bounds the checks that run beside each other, so that those of one host stay below the ten sessions that an ssh
// connection carries (sshd_config(5), MaxSessions): one more would cost a connection of its own.
const checksAtOnce = 4

// check looks at one thing before anybody is asked anything.
type check func(ctx context.Context) []onboarding.Finding

// lookPreflight makes one table of everything that the steps rely on. What failed has its fix beside it.
func (b *Runbook) lookPreflight(ctx context.Context, run *onboarding.Run) (onboarding.Observation, error) {
	var sites []*site
	for _, domain := range run.Request.Domains {
		site, err := b.site(run, onboarding.Key(preflight+"/"+domain.Name))
		if err != nil {
			return onboarding.Observation{}, err
		}
		sites = append(sites, site)
	}
	checks := []check{b.db.Check, func(ctx context.Context) []onboarding.Finding { return b.checkRepository(ctx, run, sites) }}
	var machines []*hosts.Host
	for _, site := range sites {
		if !slices.Contains(machines, site.host) {
			machines = append(machines, site.host)
		}
	}
	for _, host := range machines {
		checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.checkVPS(ctx, host, sites) })
	}
	for _, site := range sites {
		checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.checkZone(ctx, site) },
			func(ctx context.Context) []onboarding.Finding { return b.preflightMail(ctx, site) })
	}
	checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.preflightPortal(ctx, run) }, b.preflightIsolation)
	findings := atOnce(ctx, checks)
	if !slices.ContainsFunc(findings, failed) {
		findings = append(findings, b.checkRows(ctx, run)...)
	}
	return onboarding.Observation{Findings: findings}, ctx.Err()
}

func failed(finding onboarding.Finding) bool { return finding.Level == onboarding.Failed }

// atOnce runs checks beside each other and returns their findings in order.
func atOnce(ctx context.Context, checks []check) []onboarding.Finding {
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

func good(name, format string, args ...any) onboarding.Finding {
	return onboarding.Finding{Level: onboarding.OK, Name: name, Detail: fmt.Sprintf(format, args...)}
}

func bad(name, fix, format string, args ...any) onboarding.Finding {
	return onboarding.Finding{Level: onboarding.Failed, Name: name, Detail: fmt.Sprintf(format, args...), Fix: fix}
}

// checkZone asks whether the domain has name servers, and whether the bot may publish there.
func (b *Runbook) checkZone(ctx context.Context, s *site) []onboarding.Finding {
	name := "zone of " + s.domain
	zone, err := b.resolver.Zone(ctx, s.domain)
	if err == nil {
		_, err = b.resolver.Observe(ctx, s.domain, []dns.Question{{Name: s.domain, Type: "A"}})
	}
	switch {
	case err != nil && b.publisher == nil:
		return []onboarding.Finding{{Level: onboarding.Warning, Name: name, Detail: err.Error(), Fix: "Register the domain and delegate it: the run will wait for it."}}
	case err != nil:
		return []onboarding.Finding{bad(name, "Register the domain, delegate it to the platform's name servers and add the zone there.", "%v", err)}
	case b.publisher == nil:
		return []onboarding.Finding{good(name, "%s; its records are made by hand", zone)}
	}
	if err := b.publisher.Check(ctx, zone); err != nil {
		return []onboarding.Finding{bad(name, "Check dns.rfc2136, and that the key may update this zone.", "%v", err)}
	}
	return []onboarding.Finding{good(name, "%s takes signed updates", zone)}
}

// checkFolder computes the deploy config, so that a template that cannot be edited is found now. It returns what it saw too, if it
// could look.
func (b *Runbook) checkFolder(ctx context.Context, run *onboarding.Run, s *site) (onboarding.Finding, *folder) {
	name := "deploy config of " + s.domain
	var planned *plannedFolder
	have, err := b.folder(ctx, s)
	if err == nil {
		planned, err = b.planFolder(ctx, &view{site: s, run: run}, have)
	}
	if err == nil {
		err = b.checkScript(ctx, planned.script)
	}
	switch {
	case err != nil:
		return bad(name, "Correct what is said here, then retry.", "%v", err), have
	case len(have.Committed) > 0:
		return good(name, "%s is there", s.folder), have
	case planned.embedded:
		return onboarding.Finding{Level: onboarding.Warning, Name: name, Detail: "the repository has no " + b.config.Repository.Template + ": the bot's own template is used",
			Fix: "Commit one, or leave it so."}, have
	}
	return good(name, "%d files from the template", len(planned.files)), have
}

// checkRows finds now what the database step would find in the way of its rows.
func (b *Runbook) checkRows(ctx context.Context, run *onboarding.Run) []onboarding.Finding {
	look, err := b.lookDatabase(ctx, run)
	var conflicting *onboarding.ConflictError
	switch {
	case errors.As(err, &conflicting):
		return []onboarding.Finding{bad("database rows", conflicting.Fix, "%s", conflicting.What)}
	case err != nil:
		return []onboarding.Finding{bad("database rows", "Retry.", "%s", platform.Explain(err))}
	case look.Change.Empty():
		return []onboarding.Finding{good("database rows", "there already")}
	}
	return []onboarding.Finding{good("database rows", "nothing is in their way")}
}
