package onboarding

import "testing"

// A check that keeps nothing from going on may take its time, and may not once it alone does.
func TestWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	run := &Run{Steps: []Step{
		{Definition: Definition{Key: "preflight"}},
		{Definition: Definition{Key: "database", Destructive: true, After: []Key{"preflight"}}},
		{Definition: Definition{Key: "isolation", After: []Key{"database"}}},
		{Definition: Definition{Key: "sync", Destructive: true, After: []Key{"database"}}},
		{Definition: Definition{Key: "go-live", Destructive: true, After: []Key{"sync", "isolation"}}},
		{Definition: Definition{Key: "verify", After: []Key{"go-live"}}},
	}}
	want := func(key Key, awaited bool) {
		t.Helper()
		if got := run.awaited(run.Step(key)); got != awaited {
			t.Errorf("%s is awaited: %v", key, got)
		}
	}
	want("preflight", true)
	run.Step("preflight").State = StepDone
	want("database", true)
	run.Step("database").State = StepDone
	want("isolation", false)
	want("sync", true)
	run.Step("sync").State = StepDone
	want("isolation", true)
	run.Step("isolation").State = StepDone
	run.Step("go-live").State = StepDone
	want("verify", true)
}
