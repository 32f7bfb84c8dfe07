package evidence

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// Tenant checks one tenant against all others, for the step of a run that does so once the tenant is there.
type Tenant struct {
	checker Checker
	// turn lets one check at a time through, so that many runs take no more from the platform than one.
	turn chan struct{}
}

// NewTenant returns a check of single tenants.
func NewTenant(checker Checker) *Tenant {
	return &Tenant{checker: checker, turn: make(chan struct{}, 1)}
}

// Check lets the tenant with a slug and all others try to reach each other's rows. A leak fails; a risk, and what could not be
// checked, is a warning. An error means that nothing could be said.
func (t *Tenant) Check(ctx context.Context, slug string) ([]onboarding.Finding, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	report, err := t.checker.Check(ctx, isolation.Options{Tenant: slug})
	if err != nil {
		return nil, fmt.Errorf("isolation of %s: %w", slug, err)
	}
	return findings(slug, report), nil
}

// findings are a report in the words of a run.
func findings(slug string, report *isolation.Report) []onboarding.Finding {
	name := "isolation of " + slug
	var list []onboarding.Finding
	leaks := 0
	for _, found := range report.Findings {
		finding := onboarding.Finding{Level: onboarding.Warning, Name: name, Detail: fmt.Sprintf("%s: %s of %s as %s: %s", found.Kind, found.Operation, found.Table, found.As, found.Evidence), Fix: found.Fix}
		if found.Kind == isolation.Leak {
			finding.Level = onboarding.Failed
			leaks++
		}
		list = append(list, finding)
	}
	c := report.Coverage
	for _, lines := range [][]string{c.LeftOut, c.Unclassified} {
		for _, line := range lines {
			list = append(list, onboarding.Finding{Level: onboarding.Warning, Name: name, Detail: "could not be checked: " + line, Fix: "Correct or excuse it below isolation in the configuration."})
		}
	}
	if leaks == 0 {
		tried := fmt.Sprintf("neither %s nor anybody else reached the other's rows, in %d reads of %d tables and %d attempts to write", slug, c.Reads, c.Tables, c.WriteAttempts)
		list = append([]onboarding.Finding{{Level: onboarding.OK, Name: name, Detail: tried}}, list...)
	}
	return list
}
