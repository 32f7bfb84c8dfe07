package folder

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
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
	"github.com/atlilith/onboardbot/templates"
)

// Plan is a deploy folder as it will be after the deploy-config step.
type Plan struct {
	Files    []hosts.File // those that the step writes
	Embedded bool         // whether they are copied from the bot's own template
	Script   []byte       // deploy.sh before its values are set
}

// Plan returns the folder of a site as it will be: a copy of the template if the domain has none,
// with the files that name the domain edited.
func (p *Planner) Plan(ctx context.Context, run *onboarding.Run, have *Folder) (*Plan, error) {
	branded, err := p.brandFiles(ctx, run.Request, have.Repo.Template)
	if err != nil {
		return nil, err
	}
	edit := folderEdit{site: have.Site, request: run.Request, feature: p.config.Deploy.Feature, usualVPS: p.config.VPS}
	if len(have.Files) > 0 {
		files, err := edit.all(have.Files)
		if err != nil {
			return nil, err
		}
		return &Plan{Files: overlay(files, branded), Script: Find(have.Files, ScriptFile).Content}, nil
	}
	if err := checkTarget(have.Site, have.Repo.Domains); err != nil {
		return nil, err
	}
	template, embedded := have.Repo.Template, len(have.Repo.Template) == 0
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
	for _, file := range have.Repo.Present {
		if want := Find(files, file.Path); want == nil || !bytes.Equal(want.Content, file.Content) {
			return nil, onboarding.Conflictf("Commit it or remove it, then retry.",
				"%s/%s is in the work tree and not committed.",
				have.Site.Folder, file.Path)
		}
	}
	return &Plan{files, embedded, Find(template, ScriptFile).Content}, nil
}

// checkTarget refuses a domain that ./run could not tell from another.
func checkTarget(s *site.Site, others []string) error {
	for _, name := range []string{s.Target, s.Domain + ".com"} {
		if name != s.Domain && slices.Contains(others, name) {
			return onboarding.Conflictf("./run cannot tell them apart: choose another domain.",
				"There is a deploy folder %s beside %s.", name, s.Domain)
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
	site     *site.Site
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
	}{{ScriptFile, e.script}, {NginxFile, e.nginx}, {ServicesFile, e.services}} {
		file := Find(files, one.name)
		if file == nil {
			where := e.site.Folder
			if e.fresh {
				where = "the template"
			}
			return nil, onboarding.Conflictf("Add it, then retry.", "There is no %s in %s.", one.name, where)
		}
		out, err := one.edit(file.Content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.site.Folder, err)
		}
		changed := *file
		changed.Content = out
		edited = append(edited, changed)
	}
	return edited, nil
}

func (e folderEdit) nginx(src []byte) ([]byte, error) {
	return deployconfig.SetSite(src, deployconfig.Site{ServerNames: e.site.Names, Root: e.site.Webroot})
}

// script also sets the VPS. A script that names none deploys to the usual VPS, because ./run does.
func (e folderEdit) script(src []byte) ([]byte, error) {
	s := e.site
	script := deployconfig.Script{RemoteHost: s.Alias, RemoteDest: s.Webroot, RemoteNginxConf: s.Conf}
	out, err := deployconfig.SetScript(src, script)
	if !errors.Is(err, deployconfig.ErrNoHost) {
		return out, err
	}
	if s.HostName != e.usualVPS {
		return nil, onboarding.Conflictf("Give it a line REMOTE_HOST="+s.Alias+", or choose "+e.usualVPS+".",
			"%s is to be deployed to %s, but its %s names no host.", s.Domain, s.HostName, ScriptFile)
	}
	script.RemoteHost = ""
	return deployconfig.SetScript(src, script)
}

// services keeps what the file says of the domain's state. A fresh copy is held back until the
// domain goes live.
func (e folderEdit) services(src []byte) ([]byte, error) {
	domain, www := e.site.Domain, e.site.Names[1]
	has, err := deployconfig.ReadServices(src)
	if err != nil {
		return nil, err
	}
	if !e.fresh && has.Domain != domain {
		return nil, onboarding.Conflictf("Nothing is overwritten: find out whose folder it is.",
			"The folder is that of %s.",
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
	if err := CheckFeature(want.Feature, e.request); err != nil {
		return nil, onboarding.Conflictf("Correct deploy.feature, or the feature in the file.",
			"The deploy config is not allowed: %v.", err)
	}
	return deployconfig.SetServices(src, want)
}

// CheckScript has bash parse deploy.sh without running it, once for each script: the values that
// are set in it are checked by the parser of deployconfig.
func (p *Planner) CheckScript(ctx context.Context, script []byte) error {
	sum := sha256.Sum256(script)
	if _, known := p.scripts.Load(sum); known {
		return nil
	}
	if _, err := p.repo.Host().Output(ctx, hosts.Command{Argv: []string{"bash", "-n"}, Stdin: script}); err != nil {
		return fmt.Errorf("deploy.sh: %w", err)
	}
	p.scripts.Store(sum, true)
	return nil
}
