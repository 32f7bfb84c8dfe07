package runbook

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

const kindSync = onboarding.KindSync

// syncStep commits the nginx configuration that certbot edited on the VPS. A renewal has it only
// for a site that a run made live: the others have no folder in the repository.
func syncStep(c *components) Step {
	return Step{
		Kind: kindSync, Title: "Sync nginx conf of", PerDomain: true, Destructive: true,
		Why:   "certbot edited the site's nginx file on the VPS. The next deploy would undo that.",
		Runs:  []onboarding.RunKind{onboarding.KindOnboard, onboarding.KindRenew},
		After: []onboarding.Kind{kindCertificate, kindRenew},
		Applies: func(run *onboarding.Run, _ onboarding.Domain) bool {
			return run.Kind != onboarding.KindRenew || run.Renews != uuid.Nil
		},
		Observe: (&syncConf{c.folders, c.visitors}).observe,
		Allows:  allowance{commit: ownFolder}.allows,
	}
}

type syncConf struct {
	folders  *folder.Planner
	visitors site.Prober
}

// observe compares nginx's configuration on the VPS with the one in the repository, which the next
// deploy would install. Blank lines do not count: certbot adds some each time it runs.
func (y *syncConf) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	if s.forPlan {
		return onboarding.Observation{Later: "What certbot adds to nginx's configuration is known once it has run."},
			nil
	}
	var have *folder.Folder
	var installed *site.Installation
	group, groupCtx := routine.WithContext(ctx)
	group.Go(func() (err error) {
		have, err = y.folders.Observe(groupCtx, s.site)
		return err
	})
	group.Go(func() (err error) {
		installed, err = s.site.Installed(groupCtx)
		return err
	})
	if err := group.Wait(); err != nil {
		return onboarding.Observation{}, err
	}
	if withoutTLS(ctx, s.site, installed, y.visitors) && s.run.Step(certificateOf(s.site)) != nil {
		return onboarding.Observation{Reopen: []onboarding.Key{certificateOf(s.site)}}, nil
	}
	if err := editedByCertbot(s.site, installed); err != nil {
		return onboarding.Observation{}, err
	}
	file, err := have.Required(folder.NginxFile)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if !deployconfig.SameButBlankLines(file.Content, installed.Conf) {
		file.Content = installed.Conf
	}
	change, err := have.Commit(folder.Commit{
		Does: "Keep certbot's nginx configuration of " + s.site.Domain, Files: []hosts.File{file},
	})
	return onboarding.Observation{Change: change}, err
}

// certificateOf is the step that obtains the certificate of a site.
func certificateOf(s *site.Site) onboarding.Key {
	return domainKey(kindCertificate, s.Domain)
}

// withoutTLS reports whether the configuration on the VPS is one that certbot has not edited, such
// as after somebody deployed over it, and visitors get no certificate. Over one that is valid,
// certbot only puts its lines back.
func withoutTLS(ctx context.Context, s *site.Site, installed *site.Installation, visitors site.Prober) bool {
	if installed.Conf == nil || installed.Enabled != site.Linked || deployconfig.ManagedByCertbot(installed.Conf) ||
		s.Serves(installed.Conf) != nil {
		return false
	}
	bad := s.Everywhere(func(at site.Endpoint) error {
		_, err := visitors.Certificate(ctx, at)
		return err
	})
	return len(bad) > 0
}

// editedByCertbot returns why the configuration on the VPS is not one to commit, nil if it is.
func editedByCertbot(s *site.Site, installed *site.Installation) error {
	where := fmt.Sprintf("%s on %s", s.Conf, s.HostName)
	switch {
	case installed.Conf == nil:
		return onboarding.Conflictf("Deploy it again, then retry.", "There is no %s.", where)
	case installed.Enabled != site.Linked:
		return onboarding.Conflictf("Replace it with a symbolic link, let certbot run again, then retry.",
			"%s on %s is not a symbolic link to %s, so certbot edited something else.", s.Enabled, s.HostName, s.Conf)
	case !deployconfig.ManagedByCertbot(installed.Conf):
		return onboarding.Conflictf("Let certbot run again, then retry.", "Nothing in %s is managed by Certbot.",
			where)
	}
	if err := s.Serves(installed.Conf); err != nil {
		return onboarding.Conflictf("Check it: it is not committed as it is.", "%s is not that of %s: %v.",
			where, s.Domain, err)
	}
	return nil
}
