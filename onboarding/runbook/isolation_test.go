package runbook_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atlilith/onboardbot/onboarding"
)

// proof returns the findings that the test sets, for every tenant.
type proof struct {
	findings []onboarding.Finding
	err      error
	asked    []string
}

func (p *proof) Check(_ context.Context, tenant string) ([]onboarding.Finding, error) {
	p.asked = append(p.asked, tenant)
	return p.findings, p.err
}

func (p *proof) Ready(context.Context) error { return p.err }

func TestIsolation(t *testing.T) {
	w := newFixture(t, nil)
	const key = onboarding.Key("isolation")
	leak := onboarding.Finding{Level: onboarding.Failed, Name: "read of public.bookings",
		Detail: "1 row of 11111111-1111-4111-8111-111111111111"}
	proof := &proof{findings: []onboarding.Finding{leak}}
	w.parts.Isolation = proof
	w.runbook = newRunbook(t, w)
	run := w.newRun(person("anna"))
	step := run.Step(key)
	if step == nil || step.Destructive || !cmp.Equal(step.After, []onboarding.Key{"database"}) {
		t.Fatalf("got %+v", step)
	}
	if observed := w.observe(run, key); observed.Later == "" || len(proof.asked) > 0 {
		t.Errorf("checked before the tenant is there: %+v", observed)
	}
	run.Step("database").State = onboarding.StepDone
	observed := w.observe(run, key)
	if diff := cmp.Diff([]onboarding.Finding{leak}, observed.Findings); diff != "" ||
		!cmp.Equal(proof.asked, []string{"anna"}) {
		t.Errorf("(-want +got)\n%s asked %v", diff, proof.asked)
	}
	proof.err = errors.New("the database is away")
	if _, err := w.runbook.Observe(t.Context(), run, key); !errors.Is(err, proof.err) {
		t.Errorf("got %v", err)
	}
	findings := w.observe(run, "preflight").Findings
	if !slices.ContainsFunc(findings, func(f onboarding.Finding) bool {
		return f.Level == onboarding.Failed && f.Name == "isolation checks" && f.Detail == "the database is away"
	}) {
		t.Errorf("a run begins that cannot end: %+v", findings)
	}
}
