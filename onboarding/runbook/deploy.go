package runbook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/probe"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
	"github.com/atlilith/onboardbot/onboarding/runbook/settings"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// Locks on the hosts. Commands that change nginx on a VPS hold lockNginx, so a deploy of one run
// does not reload nginx while certbot of another is half way through a file. Commands that use the
// work tree hold lockRepo, and so do commits.
const (
	lockNginx = "nginx"
	lockRepo  = "repo"
)

const kindDeploy = onboarding.KindDeploy

// deployStep installs the site on its VPS with the platform's own command.
func deployStep(c *components) Step {
	d := &deploy{config: c.config.Deploy, folders: c.folders, visitors: c.visitors}
	return Step{
		Kind: kindDeploy, Title: "Deploy", PerDomain: true, Destructive: true,
		Why:     "This puts the site on the VPS, over plain HTTP: the certificate needs it.",
		After:   []onboarding.Kind{kindDatabase, kindDNS, kindDeployConfig},
		Timeout: c.config.Deploy.Timeout,
		Observe: d.observe,
		Allows:  d.allows,
		Undo: &Step{
			Title:   "Disable",
			Why:     "From here on, visitors no longer get the site.",
			Observe: d.observeUndo,
			Allows:  allowance{commands: oneOf(d.undoCommands)}.allows,
		},
	}
}

type deploy struct {
	config   settings.Deploy
	folders  *folder.Planner
	visitors site.Prober
}

// makeWebroot makes the site's folder on the VPS.
func makeWebroot(s *site.Site) onboarding.Command {
	return onboarding.Command{Host: s.HostName, Argv: []string{"install", "-d", "-m", "0755", s.Webroot},
		Lock: lockNginx}
}

// command is the platform's own. It changes nginx on the VPS, where certbot writes back each file
// that it has read, so what is deployed meanwhile would be lost.
func (d *deploy) command(s *site.Site) onboarding.Command {
	repo := d.folders.Repo()
	return onboarding.Command{Host: repo.Host().Name(), Dir: repo.Dir(), Argv: s.ExpandAll(d.config.Command),
		Lock: lockRepo, AlsoLock: onboarding.HostLock{Host: s.HostName, Name: lockNginx}}
}

// observe finds nothing to do when the site is installed and enabled on the VPS and both names
// answer. A configuration that certbot has edited is never deployed over: the one in the
// repository may not have its lines yet, and the site would lose TLS.
func (d *deploy) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	var have *folder.Folder
	var installed *site.Installation
	var down []onboarding.Finding
	command := d.command(s.site)
	// These two are needed in some cases only. Where that is likely, they are looked up beside the
	// rest: before an application, what the command is bound to, and after it, what it installed.
	sources := sync.OnceValues(func() ([]onboarding.Source, error) {
		if s.forPlan {
			return d.folders.PlannedSources(ctx, s.run, have, command.Argv)
		}
		return d.folders.Sources(ctx, s.site, command.Argv)
	})
	otherFile := sync.OnceValues(func() (string, error) {
		return s.site.OtherFile(ctx, have.Below(d.config.Site))
	})
	group, groupCtx := routine.WithContext(ctx)
	if !s.forPlan && !s.applying() {
		group.Go(func() error {
			_, _ = sources()
			return nil
		})
	}
	group.Go(func() (err error) {
		if have, err = d.folders.Observe(groupCtx, s.site); err == nil && s.applying() {
			_, _ = otherFile()
		}
		return err
	})
	group.Go(func() (err error) {
		if installed, err = s.site.Installed(groupCtx); err == nil {
			down = d.unanswered(groupCtx, s)
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return onboarding.Observation{}, err
	}
	reason, err := undeployed(s.site, have, installed)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if reason == "" && !deployconfig.ManagedByCertbot(installed.Conf) {
		other, err := otherFile()
		if err != nil {
			return onboarding.Observation{}, err
		}
		if other != "" {
			reason = d.config.Site + "/" + other + " is not on the VPS as it is committed"
		}
	}
	if reason == "" && len(down) == 0 {
		return onboarding.Observation{}, nil
	}
	if reason == "" {
		if deployconfig.ManagedByCertbot(installed.Conf) {
			return onboarding.Observation{}, onboarding.Conflictf("Check nginx on the VPS: a configuration that "+
				"certbot edited is never overwritten.",
				"%s is installed on %s, but %s: %s.", s.site.Domain, s.site.HostName, down[0].Name, down[0].Detail)
		}
		reason = "it does not answer: " + down[0].Detail
	}
	if command.Sources, err = sources(); err != nil {
		return onboarding.Observation{}, err
	}
	change := onboarding.Change{Summary: fmt.Sprintf("Deploy %s to %s: %s", s.site.Domain, s.site.HostName, reason)}
	if !installed.Webroot {
		command := makeWebroot(s.site)
		change.Items = append(change.Items, onboarding.Item{Command: &command})
	}
	change.Items = append(change.Items, onboarding.Item{Command: &command})
	return onboarding.Observation{Change: change}, nil
}

// allows lets the platform's command pass only if it is bound to the domain's folder and to files
// that it names.
func (d *deploy) allows(s *scope, item onboarding.Item) error {
	if command := item.Command; command != nil && len(command.Sources) > 0 {
		for i, source := range command.Sources {
			named := i == 0 && source.Path == s.site.Folder || i > 0 && slices.Contains(command.Argv, source.Path)
			if !named || !repo.IsObject(source.Object) {
				return fmt.Errorf("the command cannot be bound to %s %q", source.Path, source.Object)
			}
		}
		unbound := *command
		unbound.Sources = nil
		if !sameCommand(unbound, d.command(s.site)) {
			return errors.New("only the command that deploys is bound to what it deploys")
		}
		return nil
	}
	return allowance{commands: oneOf(func(s *scope) []onboarding.Command {
		return []onboarding.Command{makeWebroot(s.site)}
	})}.allows(s, item)
}

// undeployed returns what of the site is not installed, empty if all is, or an error if it must
// not be touched.
func undeployed(s *site.Site, have *folder.Folder, installed *site.Installation) (string, error) {
	committed := folder.Find(have.Files, folder.NginxFile)
	if installed.Conf != nil {
		if err := s.Serves(installed.Conf); err != nil {
			return "", onboarding.Conflictf("Find out whose file it is: it is not overwritten.",
				"%s on %s is not that of %s: %v.",
				s.Conf, s.HostName, s.Domain, err)
		}
	}
	switch {
	case installed.Enabled == site.NotALink:
		return "", onboarding.Conflictf("Replace it with a symbolic link, then retry.",
			"%s on %s is not a symbolic link to %s: certbot would edit the one and leave the other.", s.Enabled,
			s.HostName, s.Conf)
	case !installed.Webroot:
		return "its webroot is missing", nil
	case installed.Conf == nil:
		return "it is not installed", nil
	case deployconfig.ManagedByCertbot(installed.Conf) && installed.Enabled == site.Linked:
		return "", nil
	case installed.Enabled == site.Absent:
		return "it is not enabled", nil
	case committed == nil || !deployconfig.SameButBlankLines(committed.Content, installed.Conf):
		return "what is installed is not what is committed", nil
	}
	return "", nil
}

// unanswered asks for the page of both names at all addresses over HTTP and returns a finding for
// each that does not answer. A site that was just deployed, by this process or by one that was
// killed, has a moment to do so.
func (d *deploy) unanswered(ctx context.Context, s *scope) []onboarding.Finding {
	deadline := time.Now()
	if s.applying() {
		deadline = deadline.Add(probe.ReloadTime)
	}
	return s.site.Everywhere(func(at site.Endpoint) error {
		return probe.PollUntil(ctx, deadline, func() error { return d.visitors.Page(ctx, at) })
	})
}

// undoCommands take a site off its VPS: first the link, so nginx stops serving the site, then the
// files. The last one removes the webroot.
func (d *deploy) undoCommands(s *scope) []onboarding.Command {
	command := func(argv ...string) onboarding.Command {
		return onboarding.Command{Host: s.site.HostName, Argv: argv, Lock: lockNginx}
	}
	return []onboarding.Command{
		command("rm", "-f", s.site.Enabled),
		command(d.config.Reload...),
		command("rm", "-f", s.site.Conf),
		command("rm", "-rf", "--one-file-system", s.site.Webroot),
	}
}

// observeUndo finds nothing to do when the site is gone from the VPS. A webroot that existed
// before the run stays.
func (d *deploy) observeUndo(ctx context.Context, s *scope) (onboarding.Observation, error) {
	on := s.site
	installed, err := on.Installed(ctx)
	if err != nil {
		return onboarding.Observation{}, err
	}
	ownWebroot := slices.ContainsFunc(applied(s.run, on.Domain, kindDeploy), func(item onboarding.Item) bool {
		return item.Command != nil && sameCommand(*item.Command, makeWebroot(on))
	})
	if installed.Enabled == site.Absent && installed.Conf == nil && !(ownWebroot && installed.Webroot) {
		return onboarding.Observation{}, nil
	}
	if installed.Enabled == site.NotALink {
		return onboarding.Observation{}, onboarding.Conflictf("Check it and remove it by hand.",
			"%s on %s is not a symbolic link to %s.", on.Enabled, on.HostName, on.Conf)
	}
	if installed.Conf != nil {
		if err := on.Serves(installed.Conf); err != nil {
			return onboarding.Observation{}, onboarding.Conflictf("Find out whose file it is: it is not deleted.",
				"%s on %s is not that of %s: %v.", on.Conf, on.HostName, on.Domain, err)
		}
	}
	commands := d.undoCommands(s)
	if !ownWebroot {
		commands = commands[:len(commands)-1]
	}
	change := onboarding.Change{Summary: fmt.Sprintf("Disable %s on %s", on.Domain, on.HostName)}
	for _, command := range commands {
		change.Items = append(change.Items, onboarding.Item{Command: &command})
	}
	return onboarding.Observation{Change: change}, nil
}
