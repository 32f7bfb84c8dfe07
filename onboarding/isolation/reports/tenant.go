package reports

import (
	"context"
	"fmt"
	"slices"

	"github.com/atlilith/onboardbot/internal/reconnect"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/isolation"
)

// ReadyChecker is a [Checker] that can say beforehand whether a check could run.
// [isolation.Checker] implements it.
type ReadyChecker interface {
	Checker
	Ready(ctx context.Context) (leftOut []string, err error)
}

var _ ReadyChecker = (*isolation.Checker)(nil)

// TenantCheck checks one tenant against all others. A run does so once it has created the
// tenant.
type TenantCheck struct {
	checker ReadyChecker
	turn    *Turn
}

// NewTenantCheck returns a check of single tenants that takes turns with the reports.
func NewTenantCheck(checker ReadyChecker, turn *Turn) *TenantCheck {
	return &TenantCheck{checker: checker, turn: turn}
}

// Ready returns why no tenant could be checked, before a run relies on it.
func (t *TenantCheck) Ready(ctx context.Context) error {
	_, err := t.checker.Ready(ctx)
	return err
}

// Check lets the tenant with a slug and all others try to reach each other's rows. A leak is a
// failed finding; a risk, and what could not be checked, is a warning. An error means that the
// check failed to run.
func (t *TenantCheck) Check(ctx context.Context, slug string) ([]onboarding.Finding, error) {
	var list []onboarding.Finding
	err := t.turn.wait(ctx, func(ctx context.Context) error {
		report, err := t.checker.Check(ctx, isolation.Options{Tenant: slug})
		if err == nil {
			list = findings(slug, report)
		}
		return err
	})
	if reconnect.Broken(err) {
		return nil, fmt.Errorf("isolation of %s: the connection to the platform's database broke, and the check "+
			"changed nothing: make sure that the server runs, then retry (%w)", slug, err)
	}
	if err != nil {
		return nil, fmt.Errorf("isolation of %s: %w", slug, err)
	}
	return list, nil
}

// findings translates a report into the findings of a run.
func findings(slug string, report *isolation.Report) []onboarding.Finding {
	var list []onboarding.Finding
	leaks := 0
	for _, found := range report.Findings {
		finding := onboarding.Finding{
			Level:  onboarding.Warning,
			Name:   fmt.Sprintf("%s: %s of %s", found.Kind, found.Operation, found.Table),
			Detail: found.As + ": " + found.Evidence,
			Fix:    found.Fix,
		}
		if found.Kind == isolation.Leak {
			finding.Level = onboarding.Failed
			leaks++
		}
		list = append(list, finding)
	}
	for _, accepted := range report.Accepted {
		list = append(list, onboarding.Finding{Level: onboarding.OK, Name: "accepted risk", Detail: accepted.String()})
	}
	c := report.Coverage
	for _, line := range slices.Concat(c.LeftOut, c.Unclassified) {
		list = append(list, onboarding.Finding{Level: onboarding.Warning, Name: "not checked", Detail: line,
			Fix: "Correct the table, or excuse it, in the section isolation of the configuration."})
	}
	if leaks == 0 {
		tried := fmt.Sprintf("no session reached another tenant's row in %d reads of %d tables and %d write attempts",
			c.Reads, c.Tables, c.WriteAttempts)
		ok := onboarding.Finding{Level: onboarding.OK, Name: slug + " against all others", Detail: tried}
		list = slices.Insert(list, 0, ok)
	}
	return list
}
