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

func subjectDeployConfig(s *site) string { return "Add the deploy config of " + s.domain }

// lookDeployConfig copies the template for a domain without a folder, and makes the three files say what they must where they
// do not. What has come since, such as held_back: false and certbot's lines, stays.
func (b *Runbook) lookDeployConfig(ctx context.Context, v *view) (onboarding.Observation, error) {
	have, err := b.folder(ctx, v.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	planned, err := b.planFolder(ctx, v, have)
	if err != nil {
		return onboarding.Observation{}, err
	}
	change, err := b.commit(v, have, subjectDeployConfig(v.site), planned.files)
	if err != nil || change.Empty() {
		return onboarding.Observation{}, err
	}
	if err := b.checkScript(ctx, planned.script); err != nil {
		return onboarding.Observation{}, err
	}
	return onboarding.Observation{Change: change}, nil
}

// plannedFolder is a deploy folder as it will be after the deploy-config step.
type plannedFolder struct {
	files    []hosts.File // those that the step answers for
	embedded bool         // copied from the bot's own template
	script   []byte       // deploy.sh before its values are set
}

func (b *Runbook) planFolder(ctx context.Context, v *view, have *folder) (*plannedFolder, error) {
	branded, err := b.branded(ctx, v.run.Request, have.Template)
	if err != nil {
		return nil, err
	}
	if len(have.files) > 0 {
		files, err := b.edit(v, have.files, false)
		if err != nil {
			return nil, err
		}
		return &plannedFolder{files: overlay(files, branded), script: find(have.files, scriptFile).Content}, nil
	}
	if err := v.alone(have.Domains); err != nil {
		return nil, err
	}
	template, embedded := have.Template, len(have.Template) == 0
	if embedded {
		if template, err = ownTemplate(); err != nil {
			return nil, err
		}
	}
	edited, err := b.edit(v, template, true)
	if err != nil {
		return nil, err
	}
	files := overlay(overlay(unbranded(template), edited), branded)
	// Files that are there and not committed are somebody's work, unless they are the bot's own that a crash left.
	for _, file := range have.Present {
		if want := find(files, file.Path); want == nil || !bytes.Equal(want.Content, file.Content) {
			return nil, conflict("Commit it or take it away, then retry.", "%s/%s is in the work tree and not committed.", v.folder, file.Path)
		}
	}
	return &plannedFolder{files, embedded, find(template, scriptFile).Content}, nil
}

// alone refuses a domain whose target is that of another: ./run would take one for the other.
func (s *site) alone(neighbours []string) error {
	for _, name := range []string{s.target, s.domain + ".com"} {
		if name != s.domain && slices.Contains(neighbours, name) {
			return conflict("They cannot be told apart by ./run: choose another domain.", "There is a deploy folder %s beside %s.", name, s.domain)
		}
	}
	return nil
}

// ownTemplate is the embedded one, for a platform that has none.
func ownTemplate() ([]hosts.File, error) {
	own, err := templates.Provider()
	var files []hosts.File
	for _, file := range own {
		files = append(files, hosts.File{Path: file.Path, Mode: file.Mode, Content: file.Content})
	}
	return files, err
}

// edit returns the three files that say whose the folder is, saying that it is this site's.
func (b *Runbook) edit(v *view, files []hosts.File, fresh bool) ([]hosts.File, error) {
	var edited []hosts.File
	for _, one := range []struct {
		name string
		edit func([]byte) ([]byte, error)
	}{
		{scriptFile, func(src []byte) ([]byte, error) { return b.editScript(v, src) }},
		{nginxFile, func(src []byte) ([]byte, error) {
			return deployconfig.SetSite(src, deployconfig.Site{ServerNames: v.names, Root: v.webroot})
		}},
		{servicesFile, func(src []byte) ([]byte, error) { return b.editServices(v, src, fresh) }},
	} {
		file := find(files, one.name)
		if file == nil {
			where := v.folder
			if fresh {
				where = "the template"
			}
			return nil, conflict("Add it, then retry.", "There is no %s in %s.", one.name, where)
		}
		out, err := one.edit(file.Content)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.folder, err)
		}
		changed := *file
		changed.Content = out
		edited = append(edited, changed)
	}
	return edited, nil
}

// editScript names the VPS too. A script that names none goes where ./run sends it, which is right for the usual VPS alone.
func (b *Runbook) editScript(v *view, src []byte) ([]byte, error) {
	script := deployconfig.Script{RemoteHost: v.alias, RemoteDest: v.webroot, RemoteNginxConf: v.conf}
	out, err := deployconfig.SetScript(src, script)
	if !errors.Is(err, deployconfig.ErrNoHost) {
		return out, err
	}
	if v.hostName != b.config.VPS {
		return nil, conflict("Give it a line REMOTE_HOST="+v.alias+", or choose "+b.config.VPS+".", "%s is to be on %s, but its %s does not say where it goes.", v.domain, v.hostName, scriptFile)
	}
	script.RemoteHost = ""
	return deployconfig.SetScript(src, script)
}

// editServices keeps what the file says of the domain's state, except in a fresh copy, which is held back until it is live.
func (b *Runbook) editServices(v *view, src []byte, fresh bool) ([]byte, error) {
	has, err := deployconfig.ReadServices(src)
	if err != nil {
		return nil, err
	}
	if !fresh && has.Domain != v.domain {
		return nil, conflict("Nothing is overwritten: look whose it is.", "The folder is that of %s.", has.Domain)
	}
	want := deployconfig.Services{Domain: v.domain, Feature: b.config.Deploy.Feature, Aliases: []string{v.names[1]}, HeldBack: fresh || has.HeldBack}
	if !fresh {
		want.Feature = has.Feature
		want.Aliases = has.Aliases
		if !slices.Contains(want.Aliases, v.names[1]) {
			want.Aliases = append(slices.Clone(want.Aliases), v.names[1])
		}
	}
	if err := checkFeature(want.Feature, v.run.Request); err != nil {
		return nil, conflict("Correct deploy.feature, or the feature in the file.", "The deploy config cannot stand: %v.", err)
	}
	return deployconfig.SetServices(src, want)
}

// checkScript lets bash itself read deploy.sh without running it, once for each script: the values that are set in it were checked by a
// parser.
func (b *Runbook) checkScript(ctx context.Context, script []byte) error {
	sum := sha256.Sum256(script)
	if _, known := b.scripts.Load(sum); known {
		return nil
	}
	if _, err := b.repo.Host().Output(ctx, hosts.Command{Argv: []string{"bash", "-n"}, Stdin: script}); err != nil {
		return fmt.Errorf("deploy.sh: %w", err)
	}
	b.scripts.Store(sum, true)
	return nil
}
