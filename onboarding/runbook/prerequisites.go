package runbook

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// specimen stands for a Provider where something can only be looked at for one. Its domains are nobody's (RFC 2606 §2).
const specimen = "onboardbot-check"

// Prerequisites looks at everything that runs rely on, before there is one: what a run's preflight looks at, but for what is only
// known of a Provider, such as their zone. It changes nothing. Whatever failed has its fix beside it.
func (b *Runbook) Prerequisites(ctx context.Context) []onboarding.Finding {
	run := &onboarding.Run{Request: onboarding.Request{Slug: specimen, DisplayName: specimen, Email: specimen + "@example.com", Mode: onboarding.ModePerson}}
	for _, name := range slices.Sorted(maps.Keys(b.config.Hosts)) {
		if b.config.Hosts[name].IPv4 != "" {
			run.Request.Domains = append(run.Request.Domains, onboarding.Domain{Name: fmt.Sprintf("%s-%d.example", specimen, len(run.Request.Domains)), Host: name})
		}
	}
	var sites []*site
	for _, domain := range run.Request.Domains {
		site, err := b.site(run, onboarding.Key(preflight+"/"+domain.Name))
		if err != nil {
			return []onboarding.Finding{bad("configuration", "Correct it.", "%v", err)}
		}
		sites = append(sites, site)
	}
	checks := []check{b.db.Check, b.checkClient}
	for _, name := range slices.Sorted(maps.Keys(b.hosts)) {
		host := b.hosts[name]
		if host == b.repo.Host() {
			checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.checkRepository(ctx, run, sites[:1]) })
		}
		if b.config.Hosts[name].IPv4 != "" {
			checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.checkVPS(ctx, host, sites) })
		} else if host != b.repo.Host() {
			checks = append(checks, func(ctx context.Context) []onboarding.Finding {
				if _, err := host.Ping(ctx); err != nil {
					return []onboarding.Finding{unreached(host, err)}
				}
				return []onboarding.Finding{answered(host, nil)}
			})
		}
	}
	return atOnce(ctx, append(checks, b.checkUpdates, func(ctx context.Context) []onboarding.Finding { return b.preflightPortal(ctx, run) }))
}

// checkClient asks for the ssh of this machine, if a host is another one.
func (b *Runbook) checkClient(ctx context.Context) []onboarding.Finding {
	if !slices.ContainsFunc(slices.Collect(maps.Values(b.hosts)), func(host *hosts.Host) bool { return !host.Local() }) {
		return nil
	}
	version, err := exec.CommandContext(ctx, "ssh", "-V").CombinedOutput() // it writes to standard error
	if err != nil {
		return []onboarding.Finding{bad("ssh", "Install OpenSSH's client on this machine, such as the package openssh-client.", "%v", err)}
	}
	return []onboarding.Finding{good("ssh", "%s", strings.TrimSpace(string(version)))}
}

// checkUpdates asks the primary name server whether it knows the key: for each zone that is configured, or for none in
// particular. Whether the key may change another zone is seen by the run that needs it.
func (b *Runbook) checkUpdates(ctx context.Context) []onboarding.Finding {
	const name = "DNS updates"
	if b.publisher == nil {
		return []onboarding.Finding{good(name, "records are made by hand, and waited for")}
	}
	zones := b.config.DNS.Updates.Zones
	for _, zone := range zones {
		if err := b.publisher.Check(ctx, zone); err != nil {
			return []onboarding.Finding{bad(name, "Check dns.rfc2136, and that the key may update this zone.", "%v", err)}
		}
	}
	if len(zones) > 0 {
		return []onboarding.Finding{good(name, "%s takes them for %s", b.config.DNS.Updates.Server, strings.Join(zones, ", "))}
	}
	err := b.publisher.Check(ctx, specimen+".example")
	for _, unusable := range []error{dns.ErrBadKey, dns.ErrBadSig, dns.ErrBadTime, dns.ErrNoReply, dns.ErrUnsigned} {
		if errors.Is(err, unusable) {
			return []onboarding.Finding{bad(name, "Check dns.rfc2136, and the name server's configuration of this key.", "%v", err)}
		}
	}
	return []onboarding.Finding{good(name, "%s knows the key %s", b.config.DNS.Updates.Server, b.config.DNS.Updates.Key)}
}
