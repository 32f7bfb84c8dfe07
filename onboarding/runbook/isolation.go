package runbook

import (
	"context"
	"errors"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// Isolation checks a tenant against all others on the platform, within a budget of its own. Its
// findings name tenants and rows by their ids alone; one that failed is a leak.
type Isolation interface {
	Check(ctx context.Context, tenantSlug string) ([]onboarding.Finding, error)
	// Ready returns why no tenant could be checked.
	Ready(ctx context.Context) error
}

// noIsolation can check nothing.
type noIsolation struct{}

var errNoIsolation = errors.New("isolation cannot be checked")

func (noIsolation) Check(context.Context, string) ([]onboarding.Finding, error) {
	return nil, errNoIsolation
}
func (noIsolation) Ready(context.Context) error { return errNoIsolation }

const kindIsolation onboarding.Kind = "isolation"

// isolationStep checks the new tenant against all others. The success checks of the verify step
// try only some of them.
func isolationStep(c *components) Step {
	return Step{
		Kind: kindIsolation, Title: "Isolation from all others",
		After:   []onboarding.Kind{kindDatabase},
		Observe: (&isolation{c.Isolation}).observe,
	}
}

type isolation struct{ checks Isolation }

func (i *isolation) observe(ctx context.Context, s *scope) (onboarding.Observation, error) {
	if s.forPlan {
		return onboarding.Observation{Later: "The new tenant is checked against all others once it exists."}, nil
	}
	findings, err := i.checks.Check(ctx, s.run.Request.Slug)
	return onboarding.Observation{Findings: findings}, err
}

// preflight finds now what would keep the run from going live.
func (i *isolation) preflight(ctx context.Context) []onboarding.Finding {
	const name = "isolation checks"
	if err := i.checks.Ready(ctx); err != nil {
		return []onboarding.Finding{onboarding.Failing(name,
			"Run onboardbot check, and see docs/install.md, step 4.", "%s", platform.Explain(err))}
	}
	return []onboarding.Finding{onboarding.Passed(name, "the new tenant can be checked against all others")}
}
