package runbook

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/deployconfig"
	"github.com/atlilith/onboardbot/onboarding/hosts"
)

func subjectGoLive(s *site) string { return "Put " + s.domain + " live" }

// lookGoLive flips held_back. Before the folder is there, it is computed from what the deploy-config step will commit.
func (b *Runbook) lookGoLive(ctx context.Context, v *view) (onboarding.Observation, error) {
	have, err := b.folder(ctx, v.site)
	if err != nil {
		return onboarding.Observation{}, err
	}
	if len(have.files) == 0 && v.early {
		planned, err := b.planFolder(ctx, v, have)
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
	change, err := b.commit(v, have, subjectGoLive(v.site), []hosts.File{file})
	return onboarding.Observation{Change: change}, err
}
