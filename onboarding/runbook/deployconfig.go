package runbook

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
)

const kindDeployConfig onboarding.Kind = "deploy-config"

// deployConfigStep gives the domain its deploy folder.
func deployConfigStep(c *components) Step {
	s := &deployConfig{c.folders}
	return Step{
		Kind: kindDeployConfig, Title: "Deploy config of", PerDomain: true, Destructive: true,
		Why:     "The site gets its folder in the platform's repository.",
		After:   []onboarding.Kind{kindPreflight},
		Observe: s.observe,
		Allows:  allowance{commit: ownFolder}.allows,
		Undo: &Step{
			Title: "Take back the deploy config of",
			Why:   "The domain's folder becomes what it was before the run.",
			Applies: func(run *onboarding.Run, domain onboarding.Domain) bool {
				return slices.ContainsFunc(applied(run, domain.Name), isCommit)
			},
			Observe: s.observeUndo,
			Allows:  allowance{commit: ownFolder}.allows,
		},
	}
}

type deployConfig struct{ folders *folder.Planner }

// observe copies the template for a domain without a folder, and corrects the values in the three
// files that name the domain. What was added later, such as held_back: false and certbot's lines,
// stays.
func (d *deployConfig) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	have, err := d.folders.Observe(ctx, s.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	planned, err := d.folders.Plan(ctx, s.run, have)
	if err != nil {
		return onboarding.Observation{}, err
	}
	change, err := have.Commit(folder.Commit{
		Does: "Add the deploy config of " + s.site.Domain, Files: planned.Files,
	})
	if err != nil || change.Empty() {
		return onboarding.Observation{}, err
	}
	if err := d.folders.CheckScript(ctx, planned.Script); err != nil {
		return onboarding.Observation{}, err
	}
	return onboarding.Observation{Change: change}, nil
}

// isCommit reports whether an item is a commit. The steps of a domain commit only to its folder.
func isCommit(item onboarding.Item) bool { return item.Commit != nil }

// observeUndo restores every file that the run committed, in whatever step, to what it was before,
// unless it was changed since.
func (d *deployConfig) observeUndo(ctx context.Context, s *scope) (onboarding.Observation, error) {
	have, err := d.folders.Observe(ctx, s.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	wanted := folder.Commit{Does: "Take back the deploy config of " + s.site.Domain}
	for _, past := range pastFiles(s) {
		name := strings.TrimPrefix(past.path, s.site.Folder+"/")
		file := hosts.File{Path: name, Mode: past.mode, Content: past.before}
		now := folder.ContentOf(have.Files, file.Path)
		if !folder.SameFile(now, past.before) &&
			!slices.ContainsFunc(past.after, func(after []byte) bool { return folder.SameFile(now, after) }) {
			return onboarding.Observation{}, onboarding.Conflictf("Check it and restore it by hand.",
				"%s was changed since the run.", past.path)
		}
		if past.before == nil {
			wanted.Gone = append(wanted.Gone, file.Path)
		}
		wanted.Files = append(wanted.Files, file)
	}
	change, err := have.Commit(wanted)
	return onboarding.Observation{Change: change}, err
}

// pastFile is one file that a run changed: its content before the run, and each content that the
// run gave it.
type pastFile struct {
	path   string
	mode   fs.FileMode
	before []byte
	after  [][]byte
}

func pastFiles(s *scope) []pastFile {
	var files []pastFile
	for _, item := range applied(s.run, s.site.Domain) {
		if !isCommit(item) {
			continue
		}
		for _, change := range item.Commit.Files {
			before, after, err := change.Contents()
			if err != nil || path.Clean(change.Path) != change.Path {
				continue // never applied
			}
			i := slices.IndexFunc(files, func(f pastFile) bool { return f.path == change.Path })
			if i < 0 {
				files = append(files, pastFile{path: change.Path, mode: repo.FileMode(change.Mode), before: before})
				i = len(files) - 1
			}
			files[i].after = append(files[i].after, after)
		}
	}
	return files
}
