package runbook

import (
	"context"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/dns"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

const kindCertificate onboarding.Kind = "certificate"

// certificateStep obtains and installs a certificate.
func certificateStep(c *components) Step {
	s := &certificate{
		config: c.config.Certificate, again: c.config.DNS.Again, resolver: c.Resolver,
		visitors: c.visitors,
	}
	return Step{
		Kind: kindCertificate, Title: "Certificate of", PerDomain: true, Destructive: true,
		Why:     "Failed validations are rate-limited, so the challenge was tested first.",
		After:   []onboarding.Kind{kindDeploy},
		Timeout: s.config.Timeout,
		Observe: s.observe,
		Allows:  allowance{commands: oneOf(s.commands), probe: ownEndpoints}.allows,
		Undo: &Step{
			Title: "Delete the certificate of",
			Why:   "A new one counts against the certificate authority's rate limits.",
			// nginx does not start with a configuration whose certificate is gone
			After: []onboarding.Kind{undo + kindDeploy},
			Applies: func(run *onboarding.Run, domain onboarding.Domain) bool {
				return run.Undoes != nil && run.Undoes.DeleteCertificates &&
					len(applied(run, domain.Name, kindCertificate)) > 0
			},
			Observe: s.observeUndo,
			Allows:  allowance{commands: oneOf(s.undoCommands)}.allows,
		},
	}
}

type certificate struct {
	config   settings.Certificate
	again    time.Duration
	resolver *dns.Resolver
	visitors site.Prober
}

// items test that the challenge of the certificate authority can work and then let certbot answer
// it. The test comes first because failed validations are rate-limited. Its file is gone before
// certbot starts, whatever the result.
// In a dry run certbot itself makes the test, against the authority's staging environment.
func (c *certificate) items(run *onboarding.Run, s *site.Site, dryRun bool) []onboarding.Item {
	token := challengeToken(run)
	file := path.Join(s.Challenge, token)
	addresses := make([]string, 0, 2)
	for _, address := range s.Addresses() {
		addresses = append(addresses, address.String())
	}
	command := func(argv ...string) *onboarding.Command {
		return &onboarding.Command{Host: s.HostName, Argv: argv, Lock: lockNginx}
	}
	certbot := onboarding.Item{Command: command(s.ExpandAll(c.config.Command)...)}
	if dryRun {
		return []onboarding.Item{{Command: command(s.ExpandAll(c.config.DryRun)...)}, certbot}
	}
	put := command("install", "-D", "-m", "0644", "/dev/stdin", file)
	put.Stdin = token
	remove := command("rm", "-f", file)
	remove.Always = true
	return []onboarding.Item{
		{Command: put},
		{Probe: &onboarding.Probe{Names: s.Names, Addresses: addresses, Path: c.challengePath(run), Body: token}},
		{Command: remove},
		certbot,
	}
}

// challengeToken is the name and the content of the file that tests the challenge.
func challengeToken(run *onboarding.Run) string { return "onboardbot-" + run.ID.String() }

// challengePath is where visitors get that file.
func (c *certificate) challengePath(run *onboarding.Run) string {
	return "/" + path.Join(c.config.Challenge, challengeToken(run))
}

// needsDryRun reports whether nginx's configuration hides the file that tests the challenge, such
// as by a password, a denial or another root. certbot answers from a location of its own, which
// wins over these.
func (c *certificate) needsDryRun(s *scope, conf []byte) bool {
	return len(c.config.DryRun) > 0 && !deployconfig.ManagedByCertbot(conf) &&
		!deployconfig.ServesFile(conf, s.site.Names, c.challengePath(s.run), s.site.Webroot)
}

func (c *certificate) commands(s *scope) []onboarding.Command {
	var list []onboarding.Command
	items := c.items(s.run, s.site, false)
	if len(c.config.DryRun) > 0 {
		items = append(items, c.items(s.run, s.site, true)...)
	}
	for _, item := range items {
		if item.Command != nil {
			list = append(list, *item.Command)
		}
	}
	return list
}

// observe finds nothing to do when visitors get a certificate that is in order and not due for
// renewal, for both names at all addresses, and HTTP redirects to HTTPS. Exit status 0 of certbot
// proves neither. Run over a certificate that is valid, certbot keeps it and repairs what is
// around it, so nothing is issued twice.
func (c *certificate) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	expiries := make(chan time.Time, 2*len(s.site.Names))
	bad := s.site.Everywhere(func(at site.Endpoint) error {
		until, err := c.visitors.Certificate(ctx, at)
		if err == nil {
			expiries <- until
		}
		return err
	})
	if len(bad) == 0 {
		until := (<-expiries).UTC()
		return onboarding.Observation{
			Facts: onboarding.Facts{onboarding.CertificateFact(s.site.Domain): until.Format(time.RFC3339)},
			Findings: []onboarding.Finding{onboarding.Passed("certificate of "+s.site.Domain, "valid until %s",
				until.Format("2006-01-02 15:04 UTC"))},
		}, nil
	}
	dryRun := false
	if !s.forPlan {
		seen, conf, err := c.reachable(ctx, s.site)
		if err != nil || seen.Waiting != "" {
			return seen, err
		}
		dryRun = c.needsDryRun(s, conf)
	}
	return onboarding.Observation{Change: onboarding.Change{
		Summary: "Obtain and install a certificate for " + strings.Join(s.site.Names, " and "),
		Items:   c.items(s.run, s.site, dryRun),
	}}, nil
}

// reachable waits or fails if the authority, or certbot, would not find the site, and returns its
// nginx configuration.
func (c *certificate) reachable(ctx context.Context, s *site.Site) (onboarding.Observation, []byte, error) {
	var installed *site.Installation
	seen := onboarding.Observation{Again: c.again}
	group, ctx := routine.WithContext(ctx)
	group.Go(func() (err error) {
		seen.Waiting, err = c.elsewhere(ctx, s)
		return err
	})
	group.Go(func() (err error) {
		installed, err = s.Installed(ctx)
		return err
	})
	if err := group.Wait(); err != nil || seen.Waiting != "" {
		return seen, nil, err
	}
	if installed.Conf == nil || installed.Enabled != site.Linked {
		return onboarding.Observation{}, nil, onboarding.Conflictf("Deploy it again, then retry.",
			"%s is not enabled on %s by a symbolic link %s to %s, where certbot would look for it.",
			s.Domain, s.HostName, s.Enabled, s.Conf)
	}
	return onboarding.Observation{}, installed.Conf, nil
}

// elsewhere returns which name does not lead to the VPS alone, by the answers of the zone's own
// name servers, empty if none.
func (c *certificate) elsewhere(ctx context.Context, s *site.Site) (string, error) {
	found := make([][]netip.Addr, len(s.Names))
	group, ctx := routine.WithContext(ctx)
	for i, name := range s.Names {
		group.Go(func() (err error) {
			found[i], err = c.resolver.Addresses(ctx, name)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	for i, name := range s.Names {
		if !slices.Contains(found[i], s.IPv4) {
			return fmt.Sprintf("%s no longer resolves to %s, the address of %s.", name, s.IPv4, s.HostName), nil
		}
		for _, address := range found[i] {
			if !slices.Contains(s.Addresses(), address) {
				return fmt.Sprintf("%s also resolves to %s, which is not %s: the certificate authority may ask there.",
					name, address, s.HostName), nil
			}
		}
	}
	return "", nil
}

func (c *certificate) undoCommands(s *scope) []onboarding.Command {
	return []onboarding.Command{{Host: s.site.HostName, Argv: s.site.ExpandAll(c.config.Delete), Lock: lockNginx}}
}

// observeUndo finds nothing to do when certbot no longer keeps a certificate of that name.
func (c *certificate) observeUndo(ctx context.Context, s *scope) (onboarding.Observation, error) {
	infos, err := s.site.Host.Inspect(ctx, s.site.Expand(c.config.Renewal))
	if err != nil || !infos[0].Exists {
		return onboarding.Observation{}, err
	}
	return onboarding.Observation{Change: onboarding.Change{
		Summary: "Delete the certificate of " + s.site.Domain,
		Items:   []onboarding.Item{{Command: &c.undoCommands(s)[0]}},
	}}, nil
}
