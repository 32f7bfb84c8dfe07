package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/certificates"
	"github.com/atlilith/onboardbot/onboarding/certificates/certbot"
	"github.com/atlilith/onboardbot/onboarding/certificates/renewal"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

const kindRenew onboarding.Kind = "renew"

// renewStep renews the certificate of a live site.
func renewStep(c *components) Step {
	r := &renewals{config: c.config, planner: c.planner}
	return Step{
		Kind: kindRenew, Title: "Renew the certificate of", PerDomain: true, Destructive: true,
		Why:     "certbot renews only what is due. The certificate authority's rate limits were checked first.",
		Runs:    []onboarding.RunKind{onboarding.KindRenew},
		Timeout: c.config.Certificate.Timeout,
		Observe: r.observe,
		Allows:  allowance{commands: r.allows}.allows,
	}
}

type renewals struct {
	config  settings.Config
	planner *renewal.Planner
}

// observe finds nothing to do when no certificate of the site is due for renewal on the host, and
// visitors get the one there. So a certificate that certbot's timer renewed meanwhile is not
// renewed again, and one that was renewed without telling nginx takes a reload only. What the
// authority's limits forbid is refused before anybody is asked.
func (r *renewals) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	seen, due, err := r.outstanding(ctx, r.watched(s))
	if err != nil {
		return onboarding.Observation{}, refusal(err)
	}
	if !due.None() {
		change, err := r.change(s.site, due)
		return onboarding.Observation{Change: change}, err
	}
	name := "certificate of " + s.site.Domain
	served, err := seen.Served()
	if err != nil {
		return onboarding.Observation{Findings: []onboarding.Finding{
			{Level: onboarding.Failed, Name: name, Detail: err.Error()},
		}}, nil
	}
	return onboarding.Observation{
		Facts: onboarding.Facts{onboarding.CertificateFact(s.site.Domain): served.NotAfter.Format(time.RFC3339)},
		Findings: []onboarding.Finding{onboarding.Passed(name,
			"visitors get the one with the serial %s, valid until %s",
			served.Serial, served.NotAfter.Format("2006-01-02 15:04 UTC"))},
	}, nil
}

var errStale = errors.New("visitors still get the old certificate")

// outstanding observes a site and returns what is left to do. A server that was just told to
// reload may serve the old certificate once more, which is no reason to tell it again: so the need
// for a reload counts only if it lasts.
func (r *renewals) outstanding(
	ctx context.Context, site certificates.Site,
) (seen certificates.SiteReport, due certificates.Renewal, err error) {
	_ = probe.PollUntil(ctx, time.Now().Add(probe.ReloadTime), func() error {
		if seen, err = r.planner.Observe(ctx, site); err != nil {
			return nil
		}
		if due, err = r.planner.Outstanding(ctx, seen, time.Now()); err == nil && due.Reload {
			return errStale
		}
		return nil
	})
	return seen, due, err
}

// watched is the site as the sweep of certificates knows it.
func (r *renewals) watched(s *scope) certificates.Site {
	if extra, found := r.config.Extra(s.site.Domain); found && s.run.Renews == uuid.Nil {
		return extra
	}
	return certificates.Site{
		Domain: s.site.Domain, Names: s.site.Names, Host: s.site.HostName, Addresses: s.site.Addresses(),
	}
}

// refusal makes a conflict with a fix of what keeps a certificate from being renewed.
func refusal(err error) error {
	if unrenewable, ok := errors.AsType[*certificates.UnrenewableError](err); ok {
		return onboarding.Conflictf("Then press Retry.", "%s", unrenewable.Sentence)
	}
	if limit, ok := errors.AsType[*certificates.LimitError](err); ok {
		return onboarding.Conflictf("Press Retry then: an earlier attempt would only count against the limit.",
			"Not renewed, since %s.", limit)
	}
	return err
}

func (r *renewals) change(s *site.Site, due certificates.Renewal) (onboarding.Change, error) {
	if len(due.Due) == 0 {
		return onboarding.Change{
			Summary: fmt.Sprintf("Reload nginx on %s, so that visitors of %s get the certificate that is renewed "+
				"already",
				s.HostName, s.Domain),
			Items: []onboarding.Item{{Command: r.reload(s)}},
		}, nil
	}
	change := onboarding.Change{Summary: "Let certbot renew the certificate of " + strings.Join(s.Names, " and ")}
	reload := due.Reload
	for _, lineage := range due.Due {
		command, err := renewCommand(s, lineage)
		if err != nil {
			return onboarding.Change{}, err
		}
		change.Items = append(change.Items, onboarding.Item{Command: command})
		// Only certbot's plugin for nginx reloads nginx by itself.
		reload = reload || lineage.Authenticator != "nginx"
	}
	if reload {
		change.Items = append(change.Items, onboarding.Item{Command: r.reload(s)})
	}
	return change, nil
}

// renewCommand holds the lock of nginx: certbot's plugin edits its files and reloads it.
func renewCommand(s *site.Site, lineage certificates.Lineage) (*onboarding.Command, error) {
	command, err := certbot.RenewCommand(lineage)
	if err != nil {
		return nil, err
	}
	return &onboarding.Command{Host: s.HostName, Argv: command.Argv, Lock: lockNginx}, nil
}

func (r *renewals) reload(s *site.Site) *onboarding.Command {
	return &onboarding.Command{Host: s.HostName, Argv: r.config.Deploy.Reload, Lock: lockNginx}
}

// allows lets pass certbot's command for one certificate by its name, and the reload.
func (r *renewals) allows(s *scope, command onboarding.Command) error {
	return oneOf(func(s *scope) []onboarding.Command {
		known := []onboarding.Command{*r.reload(s.site)}
		flag := slices.Index(command.Argv, "--cert-name")
		if flag < 0 || flag+1 >= len(command.Argv) {
			return known
		}
		renew, err := renewCommand(s.site, certificates.Lineage{Name: command.Argv[flag+1]})
		if err != nil {
			return known
		}
		return append(known, *renew)
	})(s, command)
}
