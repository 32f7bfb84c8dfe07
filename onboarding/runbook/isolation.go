package runbook

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/platform"
)

// Isolation checks a tenant against all others on the platform, within a budget of its own. Its findings name tenants and rows by
// their ids alone; one that failed is a leak.
type Isolation interface {
	Check(ctx context.Context, tenantSlug string) ([]onboarding.Finding, error)
	// Ready says why no tenant could be checked.
	Ready(ctx context.Context) error
}

// IsolationOff checks nothing: runs have no such step.
type IsolationOff struct{}

// Check finds nothing.
func (IsolationOff) Check(context.Context, string) ([]onboarding.Finding, error) { return nil, nil }

// Ready always is.
func (IsolationOff) Ready(context.Context) error { return nil }

// preflightIsolation finds now what would keep the run from going live.
func (b *Runbook) preflightIsolation(ctx context.Context) []onboarding.Finding {
	const name = "isolation checks"
	if _, off := b.isolation.(IsolationOff); off {
		return nil
	}
	if err := b.isolation.Ready(ctx); err != nil {
		return []onboarding.Finding{bad(name, "See what onboardbot check says of isolation, and docs/install.md, step 4.", "%s", platform.Explain(err))}
	}
	return []onboarding.Finding{good(name, "the new tenant can be checked against all others")}
}

// lookIsolation checks the new tenant against all others, which the success checks only try with some.
func (b *Runbook) lookIsolation(ctx context.Context, run *onboarding.Run, early bool) (onboarding.Observation, error) {
	if early {
		return onboarding.Observation{Later: "The new tenant is checked against all others once it is there."}, nil
	}
	findings, err := b.isolation.Check(ctx, run.Request.Slug)
	return onboarding.Observation{Findings: findings}, err
}
