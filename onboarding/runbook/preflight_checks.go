package runbook

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
	"github.com/atlilith/onboardbot/onboarding/runbook/hostcheck"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// checkRepository finds what would stop a commit or a deploy of the sites.
func (p *preflight) checkRepository(ctx context.Context, run *onboarding.Run,
	sites []*site.Site) []onboarding.Finding {
	host := p.folders.Repo().Host()
	if !host.Connected() { // one connection for all that follows
		if _, err := host.Ping(ctx); err != nil {
			return []onboarding.Finding{hostcheck.Unreached(host, err)}
		}
	}
	found := make([][]onboarding.Finding, 1+len(sites))
	var unpushed []repo.Unpushed
	var group routine.Group
	group.SetLimit(checksAtOnce)
	group.Go(func() error {
		found[0] = hostcheck.WorkTree(ctx, p.folders.Repo(), p.config.Repository.Config, p.config.Deploy.Command[0])
		return nil
	})
	for i, each := range sites {
		group.Go(func() error {
			finding, have := p.checkFolder(ctx, run, each)
			if i == 0 && have != nil {
				unpushed = have.Repo.Unpushed
			}
			found[1+i] = []onboarding.Finding{finding}
			return nil
		})
	}
	if err := group.Wait(); err != nil { // all else is in the findings
		return []onboarding.Finding{onboarding.Failing("repository", "Report this.", "%v", err)}
	}
	found[0] = append(found[0], hostcheck.Unpushed(unpushed))
	return slices.Concat(found...)
}

// checkFolder plans the deploy config, so a template that cannot be edited is found now. It also
// returns the folder, if it could be observed.
func (p *preflight) checkFolder(ctx context.Context, run *onboarding.Run,
	s *site.Site) (onboarding.Finding, *folder.Folder) {
	name := "deploy config of " + s.Domain
	var planned *folder.Plan
	have, err := p.folders.Observe(ctx, s)
	if err == nil {
		planned, err = p.folders.Plan(ctx, run, have)
	}
	if err == nil {
		err = p.folders.CheckScript(ctx, planned.Script)
	}
	switch {
	case err != nil:
		return onboarding.Failing(name, "Correct this, then retry.", "%v", err), have
	case len(have.Repo.Committed) > 0:
		return onboarding.Passed(name, "%s is there", s.Folder), have
	case planned.Embedded:
		return onboarding.Doubtful(name, "Commit one, or ignore this.",
			"the repository has no %s: the bot's own template is used", p.config.Repository.Template), have
	}
	return onboarding.Passed(name, "%d files from the template", len(planned.Files)), have
}

// zoneChecks check whether records can be published.
type zoneChecks struct {
	provider  string // the key below dns in the configuration
	resolver  *dns.Resolver
	publisher dns.Publisher
}

// fix is what a person can do if the publisher cannot publish.
func (z zoneChecks) fix() string {
	return fmt.Sprintf("Check dns.%s, and that its key may change this zone.", z.provider)
}

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
		return []onboarding.Finding{onboarding.Failing(name, z.fix(), "%v", err)}
	}
	return []onboarding.Finding{onboarding.Passed(name, "the bot may change the records of %s", zone)}
}

// ready finds whether the bot can publish at all, before a zone is known.
func (z zoneChecks) ready(ctx context.Context) []onboarding.Finding {
	const name = "DNS updates"
	how, err := z.publisher.Ready(ctx)
	if err != nil {
		return []onboarding.Finding{onboarding.Failing(name, z.fix(), "%v", err)}
	}
	return []onboarding.Finding{onboarding.Passed(name, "%s", how)}
}
