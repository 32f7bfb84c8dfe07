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
)

// RenewSteps are the renewal itself and, for what a run made live and so has a folder in the repository, bringing home what certbot
// changed.
func (b *Runbook) RenewSteps(run *onboarding.Run) []onboarding.Definition {
	domain := run.Request.Domains[0].Name
	first := onboarding.Key(renew + "/" + domain)
	list := []onboarding.Definition{{Key: first, Title: "Renew the certificate of " + domain, Destructive: true}}
	if run.Renews != uuid.Nil {
		list = append(list, onboarding.Definition{Key: onboarding.Key(syncConf + "/" + domain), Title: "Sync nginx conf of " + domain, Destructive: true, After: []onboarding.Key{first}})
	}
	return list
}

// lookRenew is done when no certificate of the site is due for renewal on the host, and visitors get what is there. So a certificate that certbot's
// timer renewed meanwhile is not renewed again, and one that was renewed without anybody telling nginx takes a reload and no more.
// What the authority's limits forbid is refused before anybody is asked.
func (b *Runbook) lookRenew(ctx context.Context, v *view) (onboarding.Observation, error) {
	if lock := b.unsettled(v); lock != "" {
		if err := v.host.WaitIdle(ctx, lock); err != nil {
			return onboarding.Observation{}, err
		}
	}
	seen, renewal, err := b.outstanding(ctx, b.watched(v))
	if err != nil {
		return onboarding.Observation{}, refusal(err)
	}
	if !renewal.None() {
		change, err := b.renewalChange(v, renewal)
		return onboarding.Observation{Change: change}, err
	}
	name := "certificate of " + v.domain
	served, err := seen.Served()
	if err != nil {
		return onboarding.Observation{Findings: []onboarding.Finding{{Level: onboarding.Failed, Name: name, Detail: err.Error()}}}, nil
	}
	return onboarding.Observation{
		Facts:    onboarding.Facts{onboarding.CertificateFact(v.domain): served.NotAfter.Format(time.RFC3339)},
		Findings: []onboarding.Finding{{Level: onboarding.OK, Name: name, Detail: "visitors get the one with the serial " + served.Serial + ", valid until " + served.NotAfter.Format("2006-01-02 15:04 UTC")}},
	}, nil
}

var errStale = errors.New("visitors still get the old certificate")

// outstanding looks at a site and says what is left to do about it. A server that was just told to reload may show the old certificate to
// one more visitor, which is no reason to tell it again: so that is believed only when it lasts.
func (b *Runbook) outstanding(ctx context.Context, site certificates.Site) (seen certificates.SiteReport, renewal certificates.Renewal, err error) {
	_ = patiently(ctx, time.Now().Add(reloading), func() error {
		if seen, err = b.planner.Observe(ctx, site); err != nil {
			return nil
		}
		if renewal, err = b.planner.Outstanding(ctx, seen, time.Now()); err == nil && renewal.Reload {
			return errStale
		}
		return nil
	})
	return seen, renewal, err
}

// watched is the site as the watch knows it.
func (b *Runbook) watched(v *view) certificates.Site {
	if extra, found := b.config.extra(v.domain); found && v.run.Renews == uuid.Nil {
		return extra
	}
	return certificates.Site{Domain: v.domain, Names: v.names, Host: v.hostName, Addresses: v.addresses()}
}

// refusal makes what keeps a certificate from being renewed a conflict with a fix.
func refusal(err error) error {
	if unrenewable, ok := errors.AsType[*certificates.UnrenewableError](err); ok {
		return conflict("Then press Retry.", "%s", unrenewable.Sentence)
	}
	if limit, ok := errors.AsType[*certificates.LimitError](err); ok {
		return conflict("Press Retry then: an attempt before would only use up what it allows.", "Not renewed, since %s.", limit)
	}
	return err
}

func (b *Runbook) renewalChange(v *view, renewal certificates.Renewal) (onboarding.Change, error) {
	if len(renewal.Due) == 0 {
		return onboarding.Change{
			Summary: fmt.Sprintf("Reload nginx on %s, so that visitors of %s get the certificate that is renewed already", v.hostName, v.domain),
			Items:   []onboarding.Item{{Command: b.reload(v.site)}},
		}, nil
	}
	change := onboarding.Change{Summary: "Let certbot renew the certificate of " + strings.Join(v.names, " and ")}
	reload := renewal.Reload
	for _, lineage := range renewal.Due {
		command, err := b.renewCommand(v.site, lineage)
		if err != nil {
			return onboarding.Change{}, err
		}
		change.Items = append(change.Items, onboarding.Item{Command: command})
		// Only the plugin of nginx tells nginx.
		reload = reload || lineage.Authenticator != "nginx"
	}
	if reload {
		change.Items = append(change.Items, onboarding.Item{Command: b.reload(v.site)})
	}
	return change, nil
}

// renewCommand holds the lock of everything that changes nginx on the host: certbot's plugin edits its files and reloads it.
func (b *Runbook) renewCommand(s *site, lineage certificates.Lineage) (*onboarding.Command, error) {
	command, err := certbot.RenewCommand(lineage)
	if err != nil {
		return nil, err
	}
	return &onboarding.Command{Host: s.hostName, Argv: command.Argv, Lock: lockNginx}, nil
}

func (b *Runbook) reload(s *site) *onboarding.Command {
	return &onboarding.Command{Host: s.hostName, Argv: b.config.Deploy.Reload, Lock: lockNginx}
}

// renews says whether a command is one of a renewal: certbot's for one certificate by its name, or the reload.
func (b *Runbook) renews(s *site, command onboarding.Command) bool {
	if sameCommand(*b.reload(s), command) {
		return true
	}
	flag := slices.Index(command.Argv, "--cert-name")
	if flag < 0 || flag+1 >= len(command.Argv) {
		return false
	}
	known, err := b.renewCommand(s, certificates.Lineage{Name: command.Argv[flag+1]})
	return err == nil && sameCommand(*known, command)
}
