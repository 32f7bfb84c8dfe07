package folder

import (
	"context"
	"errors"
	"strings"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/repo"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// Sources are what a command that deploys the site runs and deploys. All of it must be committed.
func (p *Planner) Sources(ctx context.Context, s *site.Site, argv []string) ([]onboarding.Source, error) {
	found, err := p.repo.Sources(ctx, s.Folder, argv)
	if errors.Is(err, repo.ErrUncommitted) {
		return nil, onboarding.Conflictf("Commit it and push it, or take it back, then retry.",
			"What the deploy would install is not what is committed: %v.", err)
	}
	return convert(found), err
}

// PlannedSources are the sources as they will be after the deploy-config step.
func (p *Planner) PlannedSources(
	ctx context.Context, run *onboarding.Run, have *Folder, argv []string,
) ([]onboarding.Source, error) {
	plan, err := p.Plan(ctx, run, have)
	if err != nil {
		return nil, err
	}
	named, err := p.repo.Sources(ctx, "", argv)
	if err != nil {
		return nil, err
	}
	like := ""
	if len(named) > 0 {
		like = named[0].Object
	}
	tree := repo.Source{Path: have.Site.Folder, Object: repo.TreeOf(overlay(have.Files, plan.Files), like)}
	return convert(append([]repo.Source{tree}, named...)), nil
}

func convert(found []repo.Source) []onboarding.Source {
	sources := make([]onboarding.Source, len(found))
	for i, source := range found {
		sources[i] = onboarding.Source(source)
	}
	return sources
}

// Below returns the contents of the files in a folder of this one, by their paths in it.
func (f *Folder) Below(name string) map[string][]byte {
	files := map[string][]byte{}
	for _, file := range f.Files {
		if rest, ok := strings.CutPrefix(file.Path, name+"/"); ok && file.Mode.IsRegular() {
			files[rest] = file.Content
		}
	}
	return files
}
