package runbook

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/runbook/hostcheck"
)

// sampleName stands for a Provider in checks that need one. Its domains are reserved (RFC 2606
// §2).
const sampleName = "onboardbot-check"

// prerequisites checks what runs rely on, before there is one: what a run's preflight checks, but
// for what is only known of a Provider, such as their zone.
type prerequisites struct {
	preflight *preflight
	hosts     map[string]*hosts.Host
}

func newPrerequisites(c *components) *prerequisites {
	return &prerequisites{preflight: newPreflight(c), hosts: c.Hosts}
}

// sampleRun is a run with a domain on every VPS.
func (p *prerequisites) sampleRun() *onboarding.Run {
	run := &onboarding.Run{Request: onboarding.Request{
		Slug: sampleName, DisplayName: sampleName, Email: sampleName + "@example.com", Mode: onboarding.ModePerson,
	}}
	configured := p.preflight.config.Hosts
	for _, name := range slices.Sorted(maps.Keys(configured)) {
		if configured[name].IPv4 != "" {
			domain := fmt.Sprintf("%s-%d.example", sampleName, len(run.Request.Domains))
			run.Request.Domains = append(run.Request.Domains, onboarding.Domain{Name: domain, Host: name})
		}
	}
	return run
}

func (p *prerequisites) check(ctx context.Context) []onboarding.Finding {
	run := p.sampleRun()
	sites, err := p.preflight.sites.All(run)
	if err != nil {
		return []onboarding.Finding{onboarding.Failing("configuration", "Correct it.", "%v", err)}
	}
	checks := []check{p.preflight.db.Check, p.checkClient}
	for _, name := range slices.Sorted(maps.Keys(p.hosts)) {
		host := p.hosts[name]
		holdsRepository := host == p.preflight.folders.Repo().Host()
		if holdsRepository {
			checks = append(checks, func(ctx context.Context) []onboarding.Finding {
				return p.preflight.checkRepository(ctx, run, sites[:1])
			})
		}
		if p.preflight.config.Hosts[name].IPv4 != "" {
			checks = append(checks, func(ctx context.Context) []onboarding.Finding {
				return hostcheck.VPS(ctx, host, p.preflight.config.Certificate.Command[0], sites)
			})
		} else if !holdsRepository {
			checks = append(checks,
				func(ctx context.Context) []onboarding.Finding { return hostcheck.Reachable(ctx, host) })
		}
	}
	return checkTogether(ctx, append(checks,
		p.preflight.zones.ready,
		func(ctx context.Context) []onboarding.Finding { return p.preflight.portal.Preflight(ctx, run) }))
}

// checkClient checks that this machine has ssh, if a host is another machine.
func (p *prerequisites) checkClient(ctx context.Context) []onboarding.Finding {
	remote := slices.ContainsFunc(slices.Collect(maps.Values(p.hosts)),
		func(host *hosts.Host) bool { return !host.Local() })
	if !remote {
		return nil
	}
	version, err := exec.CommandContext(ctx, "ssh", "-V").CombinedOutput() // it writes to standard error
	if err != nil {
		return []onboarding.Finding{onboarding.Failing("ssh",
			"Install OpenSSH's client on this machine, such as the package openssh-client.", "%v", err)}
	}
	return []onboarding.Finding{onboarding.Passed("ssh", "%s", strings.TrimSpace(string(version)))}
}
