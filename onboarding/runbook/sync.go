package runbook

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

func subjectSync(s *site) string { return "Keep certbot's nginx configuration of " + s.domain }

// lookSync compares nginx's configuration on the VPS with that in the repository, so that the next deploy keeps TLS. Blank
// lines do not count: certbot adds some on each of its runs.
func (b *Runbook) lookSync(ctx context.Context, v *view) (onboarding.Observation, error) {
	if v.early {
		return onboarding.Observation{Later: "What certbot adds to nginx's configuration is known once it has run."}, nil
	}
	var have *folder
	var there *remote
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		have, err = b.folder(groupCtx, v.site)
		return err
	})
	group.Go(func() (err error) {
		there, err = b.remote(groupCtx, v.site, "")
		return err
	})
	if err := group.Wait(); err != nil {
		return onboarding.Observation{}, err
	}
	if err := v.certbotForm(there); err != nil {
		return onboarding.Observation{}, err
	}
	file, err := have.required(nginxFile)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if !deployconfig.SameButBlankLines(file.Content, there.conf) {
		file.Content = there.conf
	}
	change, err := b.commit(v, have, subjectSync(v.site), []hosts.File{file})
	return onboarding.Observation{Change: change}, err
}

// certbotForm says why the configuration on the VPS is not one to bring home.
func (v *view) certbotForm(there *remote) error {
	where := fmt.Sprintf("%s on %s", v.conf, v.hostName)
	switch {
	case there.conf == nil:
		return conflict("Deploy it again, then retry.", "There is no %s.", where)
	case there.enabled != linked:
		return conflict("Replace it with a symbolic link, let certbot run again, then retry.",
			"%s on %s is not a symbolic link to %s, so certbot edited something else.", v.enabled, v.hostName, v.conf)
	case !deployconfig.ManagedByCertbot(there.conf):
		return conflict("Let certbot run again, then retry.", "Nothing in %s is managed by Certbot.", where)
	}
	if err := v.serves(there.conf); err != nil {
		return conflict("Look at it: it is not brought home as it is.", "%s is not that of %s: %v.", where, v.domain, err)
	}
	return nil
}
