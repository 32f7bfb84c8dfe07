package runbook

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/repo"
)

// Locks on the hosts. What changes nginx on a VPS holds one, so that a deploy of one run does not reload while certbot of another
// is half way through a file; what reads or writes the work tree holds the other, which commits hold too.
const (
	lockNginx = "nginx"
	lockRepo  = "repo"
)

// makeWebroot is the command that makes the site's folder on the VPS.
func (s *site) makeWebroot() onboarding.Command {
	return onboarding.Command{Host: s.hostName, Argv: []string{"install", "-d", "-m", "0755", s.webroot}, Lock: lockNginx}
}

// deployCommand is the platform's own.
func (b *Runbook) deployCommand(s *site) onboarding.Command {
	return onboarding.Command{Host: b.repo.Host().Name(), Dir: b.repo.Dir(), Argv: s.fillAll(b.config.Deploy.Command), Lock: lockRepo}
}

// lookDeploy is done when the site is installed and enabled on the VPS and both names answer there. A configuration that certbot
// has made its own is never deployed over: the repository's may not have its lines yet, and TLS would be gone.
func (b *Runbook) lookDeploy(ctx context.Context, v *view) (onboarding.Observation, error) {
	var have *folder
	var there *remote
	var down []onboarding.Finding
	lock := b.unsettled(v)
	if lock != "" { // the platform's command works on the VPS from where the repository is
		var err error
		have, err = folderOf(v.site, func() (*repo.State, error) { return b.repo.LookIdle(ctx, v.domain) })
		if err != nil {
			return onboarding.Observation{}, err
		}
	}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if have == nil {
			have, err = b.folder(groupCtx, v.site)
		}
		return err
	})
	group.Go(func() (err error) {
		if there, err = b.remote(groupCtx, v.site, lock); err == nil {
			down = b.unanswered(groupCtx, v)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return onboarding.Observation{}, err
	}
	left, err := v.undeployed(have, there)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if left == "" && len(down) == 0 {
		return onboarding.Observation{}, nil
	}
	if left == "" {
		if deployconfig.ManagedByCertbot(there.conf) {
			return onboarding.Observation{}, conflict("Look at nginx there: what certbot made is not deployed over.", "%s is installed on %s, but %s: %s.",
				v.domain, v.hostName, down[0].Name, down[0].Detail)
		}
		left = "it does not answer: " + down[0].Detail
	}
	look := onboarding.Observation{Change: onboarding.Change{Summary: fmt.Sprintf("Deploy %s to %s: %s", v.domain, v.hostName, left)}}
	if !there.webroot {
		command := v.makeWebroot()
		look.Change.Items = append(look.Change.Items, onboarding.Item{Command: &command})
	}
	command := b.deployCommand(v.site)
	look.Change.Items = append(look.Change.Items, onboarding.Item{Command: &command})
	return look, nil
}

// undeployed says what of the site is not installed, or why it must not be touched.
func (v *view) undeployed(have *folder, there *remote) (string, error) {
	committed := find(have.files, nginxFile)
	if there.conf != nil {
		if err := v.serves(there.conf); err != nil {
			return "", conflict("Look whose it is: it is not overwritten.", "%s on %s is not that of %s: %v.", v.conf, v.hostName, v.domain, err)
		}
	}
	switch {
	case there.enabled == notALink:
		return "", conflict("Replace it with a symbolic link, then retry.",
			"%s on %s is not a symbolic link to %s: certbot would edit the one and leave the other.", v.enabled, v.hostName, v.conf)
	case !there.webroot:
		return "its webroot is missing", nil
	case there.conf == nil:
		return "it is not installed", nil
	case deployconfig.ManagedByCertbot(there.conf) && there.enabled == linked:
		return "", nil
	case there.enabled == absent:
		return "it is not enabled", nil
	case committed == nil || !deployconfig.SameButBlankLines(committed.Content, there.conf):
		return "what is installed is not what is committed", nil
	}
	return "", nil
}

// reloading is how long nginx may go on answering as before after it was told to reload, since that returns at once.
const reloading = time.Second

// unanswered asks for the page of both names at all addresses over HTTP and returns what does not answer. What was just deployed,
// by this process or by one that was killed, has a moment to do so.
func (b *Runbook) unanswered(ctx context.Context, v *view) []onboarding.Finding {
	deadline := time.Now()
	if step := v.run.Step(v.key); b.ended(v) || step != nil && step.State == onboarding.StepApplying {
		deadline = deadline.Add(reloading)
	}
	return v.everywhere(func(at visit) error {
		return patiently(ctx, deadline, func() error {
			seen, err := b.prober.HTTP(ctx, at.name, at.address, "/")
			if err == nil && !answers(seen.Status) {
				err = fmt.Errorf("http://%s at %s answers %d", at.name, at.address, seen.Status)
			}
			return err
		})
	})
}
