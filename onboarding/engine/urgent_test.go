package engine

import (
	"testing"

	"github.com/atlilith/onboardbot/onboarding"
)

// A check that keeps nothing from going on may take its time, and may not once it alone does.
func TestUrgent(t *testing.T) {
	t.Parallel()
	run := &onboarding.Run{Steps: []onboarding.Step{
		{Definition: onboarding.Definition{Key: "preflight"}},
		{Definition: onboarding.Definition{Key: "database", Destructive: true, After: []onboarding.Key{"preflight"}}},
		{Definition: onboarding.Definition{Key: "isolation", After: []onboarding.Key{"database"}}},
		{Definition: onboarding.Definition{Key: "sync", Destructive: true, After: []onboarding.Key{"database"}}},
		{Definition: onboarding.Definition{Key: "go-live", Destructive: true,
			After: []onboarding.Key{"sync", "isolation"}}},
		{Definition: onboarding.Definition{Key: "verify", After: []onboarding.Key{"go-live"}}},
	}}
	want := func(key onboarding.Key, awaited bool) {
		t.Helper()
		if got := urgent(run, run.Step(key)); got != awaited {
			t.Errorf("%s is awaited: %v", key, got)
		}
	}
	want("preflight", true)
	run.Step("preflight").State = onboarding.StepDone
	want("database", true)
	run.Step("database").State = onboarding.StepDone
	want("isolation", false)
	want("sync", true)
	run.Step("sync").State = onboarding.StepDone
	want("isolation", true)
	run.Step("isolation").State = onboarding.StepDone
	run.Step("go-live").State = onboarding.StepDone
	want("verify", true)
}
