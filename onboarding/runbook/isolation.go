package runbook

import (
	"context"

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

// IsolationOff checks nothing: runs have no such step.
type IsolationOff struct{}

// Check finds nothing.
func (IsolationOff) Check(context.Context, string) ([]onboarding.Finding, error) { return nil, nil }

// Ready returns nil.
func (IsolationOff) Ready(context.Context) error { return nil }

const kindIsolation onboarding.Kind = "isolation"

// isolationStep checks the new tenant against all others. The success checks of the verify step
// try only some of them.
func isolationStep(c *components) Step {
	i := &isolation{c.Isolation}
	return Step{
		Kind: kindIsolation, Title: "Isolation from all others",
		After:   []onboarding.Kind{kindDatabase},
		Applies: func(*onboarding.Run, onboarding.Domain) bool { return !i.off() },
		Observe: i.observe,
	}
}

type isolation struct{ checks Isolation }

func (i *isolation) off() bool {
	_, off := i.checks.(IsolationOff)
	return off
}

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
	if i.off() {
		return nil
	}
	if err := i.checks.Ready(ctx); err != nil {
		return []onboarding.Finding{onboarding.Failing(name,
			"Run onboardbot check, and see docs/install.md, step 4.", "%s", platform.Explain(err))}
	}
	return []onboarding.Finding{onboarding.Passed(name, "the new tenant can be checked against all others")}
}
