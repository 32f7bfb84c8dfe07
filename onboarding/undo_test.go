package onboarding_test

import (
	"errors"
	"testing"

	"github.com/atlilith/onboardbot/onboarding"
)

func TestUndoTakesBackWhatWasApplied(t *testing.T) {
	t.Parallel()
	h := newHouse(t, onboarding.Config{})
	h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	h.approve(id, "dns/a.example.com", "bob")
	h.stepBecomes(id, "dns/a.example.com", onboarding.StepDone)
	undo := func(view string) (*onboarding.Run, error) {
		return h.Undo(t.Context(), "merche-biche", false, "ada", "C1", view)
	}
	if _, err := undo("u0"); !errors.Is(err, onboarding.ErrBusy) {
		t.Errorf("an active run was undone: %v", err)
	}
	if err := h.Cancel(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
	run, err := undo("u1")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := undo("u1"); err != nil || again.ID != run.ID {
		t.Errorf("one submission, two runs: %v", err)
	}
	h.approve(run.ID, "undo-dns/a.example.com", "bob")
	h.approve(run.ID, "undo-database", "bob")
	h.runBecomes(run.ID, onboarding.RunDone)
	if h.world.there["merche-biche/database"] || h.world.there["merche-biche/dns/a.example.com"] {
		t.Error("something of the run is still there")
	}
	if _, err := h.Undo(t.Context(), "nobody", false, "ada", "C1", "u2"); !errors.Is(err, onboarding.ErrNotFound) {
		t.Errorf("a slug that was never onboarded: %v", err)
	}
}
