package runbook

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

// goLiveStep includes the domain in ordinary deploys. A tenant whose rows others can reach does
// not go live.
func goLiveStep(c *components) Step {
	return Step{
		Kind: kindGoLive, Title: "Go live with", PerDomain: true, Destructive: true,
		Why:     "From here on, ordinary deploys include the site.",
		After:   []onboarding.Kind{kindSync, kindIsolation},
		Observe: (&goLive{c.folders}).observe,
		Allows:  allowance{commit: ownFolder}.allows,
	}
}

type goLive struct{ folders *deployFolders }

// observe sets held_back to false. For a plan before the folder exists, the change is computed
// from what the deploy-config step will commit.
func (g *goLive) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	have, err := g.folders.observe(ctx, s.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if len(have.files) == 0 && s.early {
		planned, err := g.folders.plan(ctx, s.run, have)
		if err != nil {
			return onboarding.Observation{}, err
		}
		have.files = planned.files
	}
	file, err := have.required(servicesFile)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if file.Content, err = deployconfig.SetHeldBack(file.Content, false); err != nil {
		return onboarding.Observation{}, err
	}
	change, err := g.folders.commit(s, have, "Put "+s.site.domain+" live", []hosts.File{file})
	return onboarding.Observation{Change: change}, err
}
