package engine_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/migrate"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// A database of the oldest schema, with a run that waits for an approval, is upgraded. The request
// that people see is decided then, and the run is finished.
func TestARunOfTheOldestSchemaIsFinished(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte {
		t.Helper()
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	h := newEmptyHarness(t, onboarding.Policy{})
	const oldest = "00001_runs.sql"
	err := migrate.Schema{Name: "onboarding", Sets: []migrate.Set{{Table: "onboarding_version",
		Files: fstest.MapFS{oldest: {Data: read("../store/migrations/" + oldest)}}}}}.Apply(t.Context(), h.pool)
	if err != nil {
		t.Fatal(err)
	}
	h.exec(string(read("testdata/oldest_run.sql")))
	if err := store.Migrate(t.Context(), h.pool, "onboarding"); err != nil {
		t.Fatal(err)
	}

	h.start()
	id := uuid.MustParse("01936000-0000-7000-8000-000000000001")
	approval := h.approve(id, "database", "bob")
	if approval.ID != uuid.MustParse("01936000-0000-7000-8000-000000000003") {
		t.Errorf("the request of before the upgrade is not the one to decide on: %s", approval.ID)
	}
	h.stepBecomes(id, "database", onboarding.StepDone)
	h.approve(id, "dns/a.example.com", "eve")
	view := h.runBecomes(id, onboarding.RunDone)
	if report, err := store.VerifyChain(t.Context(), h.pool); err != nil || len(report.Problems) > 0 {
		t.Errorf("the audit chain, which begins with what was there before: %v, %v", report.Problems, err)
	}
	if state := view.Approval(approval.ID).State; state != onboarding.ApprovalUsed {
		t.Errorf("the request of before the upgrade is %s", state)
	}
}
