package runbook

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
	"github.com/atlilith/onboardbot/onboarding/runbook/folder"
)

const kindGoLive onboarding.Kind = "go-live"

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

type goLive struct{ folders *folder.Planner }

// observe sets held_back to false. For a plan before the folder exists, the change is computed
// from what the deploy-config step will commit.
func (g *goLive) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	have, err := g.folders.Observe(ctx, s.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if len(have.Files) == 0 && s.forPlan {
		planned, err := g.folders.Plan(ctx, s.run, have)
		if err != nil {
			return onboarding.Observation{}, err
		}
		have.Files = planned.Files
	}
	file, err := have.Required(folder.ServicesFile)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if file.Content, err = deployconfig.SetHeldBack(file.Content, false); err != nil {
		return onboarding.Observation{}, err
	}
	change, err := have.Commit(folder.Commit{
		Does: "Put " + s.site.Domain + " live", Files: []hosts.File{file},
	})
	return onboarding.Observation{Change: change}, err
}
