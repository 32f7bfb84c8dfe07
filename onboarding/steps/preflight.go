package steps

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

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
func (b *Runbook) lookPreflight(ctx context.Context, run *onboarding.Run) (onboarding.Look, error) {
	var sites []*site
	for _, domain := range run.Request.Domains {
		site, err := b.site(run, onboarding.Key(preflight+"/"+domain.Name))
		if err != nil {
			return onboarding.Look{}, err
		}
		sites = append(sites, site)
	}
	checks := []check{b.db.Check}
	apricot := b.repo.Host()
	checks = append(checks, func(ctx context.Context) []onboarding.Finding {
		return checkHost(ctx, apricot, b.repositoryChecks(run, sites))
	})
	var machines []*hosts.Host
	for _, site := range sites {
		if !slices.Contains(machines, site.host) {
			machines = append(machines, site.host)
		}
	}
	for _, host := range machines {
		checks = append(checks, func(ctx context.Context) []onboarding.Finding { return checkHost(ctx, host, b.vpsChecks(host, sites)) })
	}
	for _, site := range sites {
		checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.checkZone(ctx, site) })
	}
	checks = append(checks, func(ctx context.Context) []onboarding.Finding { return b.preflightPortal(ctx, run) })
	findings := atOnce(ctx, checks)
	if !slices.ContainsFunc(findings, failed) {
		findings = append(findings, b.checkRows(ctx, run)...)
	}
	return onboarding.Look{Findings: findings}, ctx.Err()
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

// checkHost asks whether a host answers, which opens the connection that all share, and then for what is needed of it.
func checkHost(ctx context.Context, host *hosts.Host, more []check) []onboarding.Finding {
	if _, err := host.Ping(ctx); err != nil {
		return []onboarding.Finding{bad("host "+host.Name(), "Check that this account reaches it by ssh without a password, and its host key.", "%v", err)}
	}
	return append([]onboarding.Finding{good("host "+host.Name(), "answers")}, atOnce(ctx, more)...)
}

// vpsChecks ask for what the steps use on a VPS.
func (b *Runbook) vpsChecks(host *hosts.Host, sites []*site) []check {
	var folders []string
	for _, site := range sites {
		if site.host == host {
			folders = append(folders, path.Dir(site.conf), path.Dir(site.enabled))
		}
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	return []check{
		func(ctx context.Context) []onboarding.Finding { return []onboarding.Finding{checkNginx(ctx, host)} },
		func(ctx context.Context) []onboarding.Finding { return []onboarding.Finding{b.checkCertbot(ctx, host)} },
		func(ctx context.Context) []onboarding.Finding {
			name := "nginx folders on " + host.Name()
			infos, err := host.Stat(ctx, folders...)
			if err != nil {
				return []onboarding.Finding{bad(name, "Check that the account may read them.", "%v", err)}
			}
			for _, info := range infos {
				if !info.Exists {
					return []onboarding.Finding{bad(name, "Make it, or correct deploy.nginx_conf and deploy.nginx_enabled.", "%s is missing", info.Path)}
				}
			}
			return []onboarding.Finding{good(name, "%s", strings.Join(folders, ", "))}
		},
	}
}

// checkNginx asks for nginx and lets it read its configuration: certbot refuses to work on one that is broken.
func checkNginx(ctx context.Context, host *hosts.Host) onboarding.Finding {
	name := "nginx on " + host.Name()
	result, err := host.Run(ctx, hosts.Command{Argv: []string{"sh", "-c", "nginx -v && nginx -t -q"}}, nil)
	if err != nil {
		return bad(name, "Install nginx there, or repair what nginx -t reports.", "%v", err)
	}
	return good(name, "%s, its configuration is in order", strings.Join(result.Last(1, 0), ""))
}

// packages asks dpkg, where there is one, because certbot takes half a second to say its own version.
const packages = `command -v certbot >/dev/null && dpkg-query -W -f='${Package} ${Version}, ' certbot python3-certbot-nginx`

// checkCertbot looks for certbot and, where that can be seen, its nginx plugin.
func (b *Runbook) checkCertbot(ctx context.Context, host *hosts.Host) onboarding.Finding {
	name, program := "certbot on "+host.Name(), b.config.Certificate.Command[0]
	if program == "certbot" {
		if out, err := host.Output(ctx, hosts.Command{Argv: []string{"sh", "-c", packages}}); err == nil {
			return good(name, "%s", strings.TrimSuffix(string(out), ", "))
		}
	}
	result, err := host.Run(ctx, hosts.Command{Argv: []string{program, "--version"}}, nil)
	if err != nil {
		return bad(name, "Install certbot and its nginx plugin there.", "%v", err)
	}
	return good(name, "%s", strings.Join(result.Last(1, 0), ""))
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

// checkFolder computes the deploy config, so that a template that cannot be edited is found now.
func (b *Runbook) checkFolder(ctx context.Context, run *onboarding.Run, s *site) onboarding.Finding {
	name := "deploy config of " + s.domain
	planned, err := b.planFolder(ctx, &view{site: s, run: run})
	if err == nil {
		err = b.checkScript(ctx, find(planned.files, scriptFile).Content)
	}
	switch {
	case err != nil:
		return bad(name, "Correct what is said here, then retry.", "%v", err)
	case len(planned.have.files) > 0:
		return good(name, "%s is there", s.folder)
	case planned.embedded:
		return onboarding.Finding{Level: onboarding.Warning, Name: name, Detail: "the repository has no " + b.config.Repository.Template + ": the bot's own template is used",
			Fix: "Commit one, or leave it so."}
	}
	return good(name, "%d files from the template", len(planned.files))
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
