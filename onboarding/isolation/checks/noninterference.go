package checks

import (
	"context"
	"slices"

	"github.com/atlilith/onboardbot/onboarding/isolation/catalog"
	"github.com/atlilith/onboardbot/onboarding/isolation/interference"
	"github.com/atlilith/onboardbot/onboarding/isolation/victims"
)

// nonInterference tests whether what tenants observe depends on what others do. Only a deep check
// does.
type nonInterference struct{ *Setup }

func (s nonInterference) run(ctx context.Context) error {
	if !s.config.Deep {
		return nil
	}
	canaries, err := s.readCanaries(ctx)
	if err != nil {
		return err
	}
	return interference.Run(ctx, interference.Config{
		AppRole: s.config.AppRole, Model: s.model, Truth: s.truth, Victims: s.victims, Rows: s.rows,
		Caller: victims.NewCaller(s.victims, canaries), Prover: s.prover, Attempts: s.attempts, Limiter: s.limiter,
		Fixes: s.fixes, Results: s.results,
		Reads:  func(t *catalog.Relation) bool { return !s.scope.excused(t) && !s.scope.givenUp(t) },
		Writes: func(t *catalog.Relation) bool { return !s.scope.writesExcluded(t) },
		Calls: func(f *catalog.Function) bool {
			return !slices.Contains(s.config.ExcusedFunctions, f.String()) && s.irreversible.function(f) == "" &&
				!f.Native() && f.Owner != s.config.AppRole
		},
	})
}
