package runbook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/templates"
)

// plannedFolder is a deploy folder as it will be after the deploy-config step.
type plannedFolder struct {
	files    []hosts.File // those that the step writes
	embedded bool         // whether they are copied from the bot's own template
	script   []byte       // deploy.sh before its values are set
}

// plan returns the folder of a site as it will be: a copy of the template if the domain has none,
// with the files that name the domain edited.
func (d *deployFolders) plan(ctx context.Context, run *onboarding.Run, have *folder) (*plannedFolder, error) {
	branded, err := d.brandFiles(ctx, run.Request, have.repo.Template)
	if err != nil {
		return nil, err
	}
	edit := folderEdit{site: have.site, request: run.Request, feature: d.config.Deploy.Feature, usualVPS: d.config.VPS}
	if len(have.files) > 0 {
		files, err := edit.all(have.files)
		if err != nil {
			return nil, err
		}
		return &plannedFolder{files: overlay(files, branded), script: find(have.files, scriptFile).Content}, nil
	}
	if err := have.site.alone(have.repo.Domains); err != nil {
		return nil, err
	}
	template, embedded := have.repo.Template, len(have.repo.Template) == 0
	if embedded {
		if template, err = embeddedTemplate(); err != nil {
			return nil, err
		}
	}
	edit.fresh = true
	edited, err := edit.all(template)
	if err != nil {
		return nil, err
	}
	files := overlay(overlay(withoutBrand(template), edited), branded)
	// A file that exists and is not committed is somebody's work, unless it is the bot's own from
	// before a crash.
	for _, file := range have.repo.Present {
		if want := find(files, file.Path); want == nil || !bytes.Equal(want.Content, file.Content) {
			return nil, onboarding.Conflictf("Commit it or remove it, then retry.",
				"%s/%s is in the work tree and not committed.",
				have.site.folder, file.Path)
		}
	}
	return &plannedFolder{files, embedded, find(template, scriptFile).Content}, nil
}

// alone refuses a domain that ./run could not tell from another.
func (s *site) alone(others []string) error {
	for _, name := range []string{s.target, s.domain + ".com"} {
		if name != s.domain && slices.Contains(others, name) {
			return onboarding.Conflictf("They cannot be told apart by ./run: choose another domain.",
				"There is a deploy folder %s beside %s.", name, s.domain)
		}
	}
	return nil
}

// embeddedTemplate is the bot's own, for a platform that has none.
func embeddedTemplate() ([]hosts.File, error) {
	embedded, err := templates.Provider()
	var files []hosts.File
	for _, file := range embedded {
		files = append(files, hosts.File{Path: file.Path, Mode: file.Mode, Content: file.Content})
	}
	return files, err
}

// folderEdit sets the values of a domain in the files of a deploy folder that name it.
type folderEdit struct {
	site     *site
	request  onboarding.Request
	feature  string // of a fresh copy
	usualVPS string // where a deploy.sh without a host deploys to
	fresh    bool   // whether the files are a copy of the template
}

// all returns the three files that name the domain, with the values of this site.
func (e folderEdit) all(files []hosts.File) ([]hosts.File, error) {
	var edited []hosts.File
	for _, one := range []struct {
		name string
		edit func([]byte) ([]byte, error)
	}{{scriptFile, e.script}, {nginxFile, e.nginx}, {servicesFile, e.services}} {
		file := find(files, one.name)
		if file == nil {
			where := e.site.folder
			if e.fresh {
				where = "the template"
			}
			return nil, onboarding.Conflictf("Add it, then retry.", "There is no %s in %s.", one.name, where)
		}
		out, err := one.edit(file.Content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.site.folder, err)
		}
		changed := *file
		changed.Content = out
		edited = append(edited, changed)
	}
	return edited, nil
}

func (e folderEdit) nginx(src []byte) ([]byte, error) {
	return deployconfig.SetSite(src, deployconfig.Site{ServerNames: e.site.names, Root: e.site.webroot})
}

// script also sets the VPS. A script that names none deploys to the usual VPS, because ./run does.
func (e folderEdit) script(src []byte) ([]byte, error) {
	s := e.site
	script := deployconfig.Script{RemoteHost: s.alias, RemoteDest: s.webroot, RemoteNginxConf: s.conf}
	out, err := deployconfig.SetScript(src, script)
	if !errors.Is(err, deployconfig.ErrNoHost) {
		return out, err
	}
	if s.hostName != e.usualVPS {
		return nil, onboarding.Conflictf("Give it a line REMOTE_HOST="+s.alias+", or choose "+e.usualVPS+".",
			"%s is to be on %s, but its %s does not say where it goes.", s.domain, s.hostName, scriptFile)
	}
	script.RemoteHost = ""
	return deployconfig.SetScript(src, script)
}

// services keeps what the file says of the domain's state. A fresh copy is held back until the
// domain goes live.
func (e folderEdit) services(src []byte) ([]byte, error) {
	domain, www := e.site.domain, e.site.names[1]
	has, err := deployconfig.ReadServices(src)
	if err != nil {
		return nil, err
	}
	if !e.fresh && has.Domain != domain {
		return nil, onboarding.Conflictf("Nothing is overwritten: look whose it is.", "The folder is that of %s.",
			has.Domain)
	}
	want := deployconfig.Services{Domain: domain, Feature: e.feature, Aliases: []string{www}, HeldBack: e.fresh ||
		has.HeldBack}
	if !e.fresh {
		want.Feature = has.Feature
		want.Aliases = has.Aliases
		if !slices.Contains(want.Aliases, www) {
			want.Aliases = append(slices.Clone(want.Aliases), www)
		}
	}
	if err := checkFeature(want.Feature, e.request); err != nil {
		return nil, onboarding.Conflictf("Correct deploy.feature, or the feature in the file.",
			"The deploy config cannot stand: %v.", err)
	}
	return deployconfig.SetServices(src, want)
}

// checkScript has bash parse deploy.sh without running it, once for each script: the values that
// are set in it are checked by the parser of deployconfig.
func (d *deployFolders) checkScript(ctx context.Context, script []byte) error {
	sum := sha256.Sum256(script)
	if _, known := d.scripts.Load(sum); known {
		return nil
	}
	if _, err := d.repo.Host().Output(ctx, hosts.Command{Argv: []string{"bash", "-n"}, Stdin: script}); err != nil {
		return fmt.Errorf("deploy.sh: %w", err)
	}
	d.scripts.Store(sum, true)
	return nil
}
