package service

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
)

// Verify makes the success checks of a slug's newest onboarding again, at any time and without
// touching the run. It returns [onboarding.ErrNotFound], and [onboarding.ErrNothing] with the run
// where a later run took it back.
func (s *Service) Verify(ctx context.Context, slug string) (*onboarding.Run, onboarding.Observation, error) {
	run, err := s.Records.Onboarding(ctx, slug)
	if err != nil {
		return nil, onboarding.Observation{}, err
	}
	if run.Undone() {
		return run, onboarding.Observation{}, fmt.Errorf("checks of %s: %w", slug, onboarding.ErrNothing)
	}
	for i := range run.Steps {
		if run.Steps[i].Key.Kind() == onboarding.KindVerify {
			observed, err := s.deps.Runbook.Observe(ctx, run, run.Steps[i].Key)
			return run, observed, err
		}
	}
	return nil, onboarding.Observation{}, fmt.Errorf("checks of %s: %w", slug, onboarding.ErrNotFound)
}
