package steps

import (
	"context"

	"github.com/atlilith/onboardbot/onboarding"
)

// Isolation checks a tenant against all others on the platform, within a budget of its own. Its findings name tenants and rows by
// their ids alone; one that failed is a leak.
type Isolation interface {
	Check(ctx context.Context, tenantSlug string) ([]onboarding.Finding, error)
}

// IsolationOff checks nothing: runs have no such step.
type IsolationOff struct{}

// Check finds nothing.
func (IsolationOff) Check(context.Context, string) ([]onboarding.Finding, error) { return nil, nil }

// lookIsolation checks the new tenant against all others, which the success checks only try with some.
func (b *Runbook) lookIsolation(ctx context.Context, run *onboarding.Run, early bool) (onboarding.Look, error) {
	if early {
		return onboarding.Look{Later: "The new tenant is checked against all others once it is there."}, nil
	}
	findings, err := b.isolation.Check(ctx, run.Request.Slug)
	return onboarding.Look{Findings: findings}, err
}
