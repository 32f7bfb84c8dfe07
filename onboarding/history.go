package onboarding

import "context"

// History returns every run of a slug, oldest first.
func (s *Service) History(ctx context.Context, slug string) ([]*Run, error) {
	return s.runsWhere(ctx, s.pool, `slug = $1 ORDER BY created_at, id`, slug)
}

// Live returns the onboardings that went well and were not taken back since, by slug, the newest of each.
func (s *Service) Live(ctx context.Context, limit int) ([]*Run, error) {
	return s.runsWhere(ctx, s.pool, `kind = 'onboard' AND state = 'done' AND NOT EXISTS (
		SELECT FROM runs later WHERE later.slug = runs.slug AND later.kind = 'onboard' AND later.state = 'done' AND later.created_at > runs.created_at
			AND NOT `+takenBack("later")+`) AND NOT `+takenBack("runs")+` ORDER BY slug LIMIT $1`, limit)
}
