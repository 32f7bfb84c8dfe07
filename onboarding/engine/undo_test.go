package engine_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/service"
)

func TestUndoTakesBackWhatWasApplied(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	h.approve(id, "dns/a.example.com", "bob")
	h.stepBecomes(id, "dns/a.example.com", onboarding.StepDone)
	undo := func(view string) (*onboarding.Run, error) {
		return h.Undo(t.Context(), "merche-biche", false,
			service.Asked{Operator: "ada", Channel: "C1", Submission: view})
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
	h.undoOf(id, onboarding.Undo{Run: run.ID, State: onboarding.RunActive})
	if again, err := undo("u1"); err != nil || again.ID != run.ID {
		t.Errorf("one submission, two runs: %v", err)
	}
	h.approve(run.ID, "undo-dns/a.example.com", "bob")
	h.approve(run.ID, "undo-database", "bob")
	h.runBecomes(run.ID, onboarding.RunDone)
	h.undoOf(id, onboarding.Undo{Run: run.ID, State: onboarding.RunDone})
	if h.world.there["merche-biche/database"] || h.world.there["merche-biche/dns/a.example.com"] {
		t.Error("something of the run is still there")
	}
	if _, err := h.Undo(t.Context(), "nobody", false,
		service.Asked{Operator: "ada", Channel: "C1", Submission: "u2"}); !errors.Is(err, onboarding.ErrNotFound) {
		t.Errorf("a slug that was never onboarded: %v", err)
	}
}

// TestUndoTakesBackEveryRunOfAnOnboarding onboards in two attempts, and later once more: an undo
// takes back what belongs together, and no more.
func TestUndoTakesBackEveryRunOfAnOnboarding(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	begin := func(view, domain string) uuid.UUID {
		wanted := request("merche-biche")
		wanted.Domains[0].Name = domain
		run, err := h.Begin(t.Context(), wanted, service.Asked{Operator: "ada", Channel: "C1", Submission: view})
		if err != nil {
			t.Fatal(err)
		}
		return run.ID
	}
	undo := func(view string) *onboarding.Run {
		run, err := h.Undo(t.Context(), "merche-biche", false,
			service.Asked{Operator: "ada", Channel: "C1", Submission: view})
		if err != nil {
			t.Fatal(err)
		}
		return run
	}
	steps := func(run *onboarding.Run) (keys []onboarding.Key) {
		for _, step := range run.Steps {
			keys = append(keys, step.Key)
		}
		return keys
	}
	first := begin("v1", "first.example")
	h.approve(first, "database", "bob")
	h.stepBecomes(first, "database", onboarding.StepDone)
	if err := h.Cancel(t.Context(), first, "ada"); err != nil {
		t.Fatal(err)
	}
	second := begin("v2", "second.example")
	h.approve(second, "dns/a.example.com", "bob")
	h.approve(second, "dns/b.example.com", "bob")
	h.runBecomes(second, onboarding.RunDone)
	// One that finds everything there changes nothing, and has nothing to take back.
	found := begin("v3", "second.example")
	h.runBecomes(found, onboarding.RunDone)

	back := undo("u1")
	want := []onboarding.Key{"undo-dns/b.example.com", "undo-dns/a.example.com", "undo-database"}
	if diff := cmp.Diff(want, steps(back)); diff != "" || len(back.Request.Domains) != 2 {
		t.Errorf("domains %v, steps (-want +got)\n%s", back.Request.Domains, diff)
	}
	for _, key := range want {
		h.approve(back.ID, key, "bob")
	}
	h.runBecomes(back.ID, onboarding.RunDone)
	if _, err := h.Undo(t.Context(), "merche-biche", false,
		service.Asked{Operator: "ada", Channel: "C1", Submission: "u2"}); !errors.Is(err, onboarding.ErrNotFound) {
		t.Errorf("taken back twice: %v", err)
	}

	for _, run := range []uuid.UUID{first, second, found} {
		h.undoOf(run, onboarding.Undo{Run: back.ID, State: onboarding.RunDone})
	}
	if live := h.live(); len(live) != 0 {
		t.Errorf("live after it was taken back: %+v", live)
	}

	third := begin("v4", "second.example")
	h.approve(third, "database", "bob")
	h.approve(third, "dns/a.example.com", "bob")
	h.approve(third, "dns/b.example.com", "bob")
	h.runBecomes(third, onboarding.RunDone)
	h.world.set(func() { delete(h.world.there, "merche-biche/dns/b.example.com") })
	fourth := begin("v5", "third.example")
	h.approve(fourth, "dns/b.example.com", "bob")
	h.runBecomes(fourth, onboarding.RunDone)
	back = undo("u3")
	if diff := cmp.Diff(want[:1], steps(back)); diff != "" {
		t.Errorf("what went live before it is taken back too (-want +got)\n%s", diff)
	}
	h.approve(back.ID, want[0], "bob")
	h.runBecomes(back.ID, onboarding.RunDone)
	live := h.live()
	if newest, err := h.Records.Live(t.Context(), 10); err != nil || len(newest) != 1 || newest[0].ID != third ||
		len(live) != 1 || live[0].Domain.Name != "second.example" {
		t.Errorf("live are %+v, the newest run is of %+v, %v", live, newest, err)
	}
	h.undoOf(third, onboarding.Undo{})
	last := undo("u4")
	if diff := cmp.Diff(want, steps(last)); diff != "" {
		t.Errorf("the onboarding before (-want +got)\n%s", diff)
	}
	// An undo that is cancelled leaves a trace where it changed something.
	h.approve(last.ID, want[1], "bob")
	h.stepBecomes(last.ID, want[1], onboarding.StepDone)
	if err := h.Cancel(t.Context(), last.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	h.undoOf(third, onboarding.Undo{Run: last.ID, State: onboarding.RunCancelled})
	again := undo("u5")
	if err := h.Cancel(t.Context(), again.ID, "ada"); err != nil {
		t.Fatal(err)
	}
	h.undoOf(third, onboarding.Undo{Run: last.ID, State: onboarding.RunCancelled})
}

// undoOf fails the test if a run has another undo than this one, the zero value for none.
func (h *harness) undoOf(id uuid.UUID, want onboarding.Undo) {
	h.t.Helper()
	view, err := h.Records.View(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	var got onboarding.Undo
	if view.Undo != nil {
		got = *view.Undo
		got.Ended = time.Time{}
	}
	if got != want {
		h.t.Errorf("the undo of %s is %+v, want %+v", id, got, want)
	}
}
