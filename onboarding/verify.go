package onboarding

import (
	"context"
	"fmt"
)

// Verify makes the success checks of a slug's newest onboarding again, at any time and without touching the run. It returns
// [ErrNotFound].
func (s *Service) Verify(ctx context.Context, slug string) (*Run, Observation, error) {
	runs, err := s.runsWhere(ctx, s.pool, `slug = $1 AND kind = 'onboard' ORDER BY created_at DESC LIMIT 1`, slug)
	if err != nil {
		return nil, Observation{}, err
	}
	if len(runs) == 0 {
		return nil, Observation{}, fmt.Errorf("run of %s: %w", slug, ErrNotFound)
	}
	run := runs[0]
	for i := range run.Steps {
		if run.Steps[i].Key.Kind() == "verify" {
			look, err := s.Runbook.Observe(ctx, run, run.Steps[i].Key)
			return run, look, err
		}
	}
	return nil, Observation{}, fmt.Errorf("checks of %s: %w", slug, ErrNotFound)
}
