package reports

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// Readier is a [Checker] that can say beforehand whether it could check at all; [isolation.Checker] can.
type Readier interface {
	Checker
	Ready(ctx context.Context) (leftOut []string, err error)
}

var _ Readier = (*isolation.Checker)(nil)

// Tenant checks one tenant against all others, for the step of a run that does so once the tenant is there.
type Tenant struct {
	checker Readier
	// turn lets one check at a time through, so that many runs take no more from the platform than one.
	turn chan struct{}
}

// NewTenant returns a check of single tenants.
func NewTenant(checker Readier) *Tenant {
	return &Tenant{checker: checker, turn: make(chan struct{}, 1)}
}

// Ready says why no tenant could be checked, before a run relies on it.
func (t *Tenant) Ready(ctx context.Context) error {
	_, err := t.checker.Ready(ctx)
	return err
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
	var list []onboarding.Finding
	leaks := 0
	for _, found := range report.Findings {
		finding := onboarding.Finding{Level: onboarding.Warning, Name: fmt.Sprintf("%s: %s of %s", found.Kind, found.Operation, found.Table),
			Detail: found.As + ": " + found.Evidence, Fix: found.Fix}
		if found.Kind == isolation.Leak {
			finding.Level = onboarding.Failed
			leaks++
		}
		list = append(list, finding)
	}
	c := report.Coverage
	for _, line := range slices.Concat(c.LeftOut, c.Unclassified) {
		list = append(list, onboarding.Finding{Level: onboarding.Warning, Name: "not checked", Detail: line, Fix: "Correct or excuse it below isolation in the configuration."})
	}
	if leaks == 0 {
		tried := fmt.Sprintf("no row was reached that is another's, in %d reads of %d tables and %d attempts to write", c.Reads, c.Tables, c.WriteAttempts)
		list = slices.Insert(list, 0, onboarding.Finding{Level: onboarding.OK, Name: slug + " against all others", Detail: tried})
	}
	return list
}
