package engine_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// holdObservation keeps the observations of a step waiting until the function it returns is
// called.
func (h *harness) holdObservation(key onboarding.Key) (end func()) {
	hold := make(chan struct{})
	h.world.set(func() { h.world.holdObserve[string(key)] = hold })
	return func() {
		h.world.set(func() { delete(h.world.holdObserve, string(key)) })
		close(hold)
	}
}

func (h *harness) observations(key onboarding.Key) int {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	return h.world.observed[string(key)]
}

// waitForObservation waits for an observation of a step to begin beyond those that began before.
func (h *harness) waitForObservation(key onboarding.Key, were int) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); h.observations(key) <= were; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("%s is not observed", key)
		}
	}
}

func TestASlowObservationHoldsUpNoOtherStep(t *testing.T) {
	t.Parallel()
	for _, elsewhere := range []bool{false, true} {
		h := newHarness(t, onboarding.Policy{})
		h.start()
		if elsewhere { // the approval comes to whoever takes the job, and the run is advanced by one of them
			h.start()
		}
		end := h.holdObservation("dns/a.example.com")
		id := h.begin("merche-biche")
		h.approve(id, "database", "bob")
		h.approve(id, "dns/b.example.com", "bob")
		view := h.stepBecomes(id, "dns/b.example.com", onboarding.StepDone)
		if state := view.Step("dns/a.example.com").State; state != onboarding.StepPending {
			t.Errorf("the step that is being observed is %s", state)
		}
		end()
		h.approve(id, "dns/a.example.com", "eve")
		h.runBecomes(id, onboarding.RunDone)
	}
}

func TestApprovalsAreRequestedInTheOrderOfTheRunbook(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	id := h.begin("merche-biche")
	database := h.asked(id, "database")
	end := h.holdObservation("dns/a.example.com")
	if err := h.Approve(t.Context(), database.ID, decision("bob", "")); err != nil {
		t.Fatal(err)
	}
	h.waitForObservation("dns/b.example.com", 0)
	time.Sleep(20 * time.Millisecond)
	end()
	h.asked(id, "dns/a.example.com")
	h.asked(id, "dns/b.example.com")
	var asked []onboarding.Key
	for _, event := range h.view(id).Events {
		if event.Kind == onboarding.EventAsked {
			asked = append(asked, event.Step)
		}
	}
	if want := []onboarding.Key{"database", "dns/a.example.com", "dns/b.example.com"}; !slices.Equal(asked, want) {
		t.Errorf("asked about %v", asked)
	}
}

// A step that was observed early, beside one that then failed, asks nothing, and is observed
// again once that one is done.
func TestAnEarlyObservationIsDiscardedWhenTheStepBeforeFails(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.findings["preflight"] = []onboarding.Finding{{Level: onboarding.Failed,
		Name: "repository", Detail: "dirty"}}
	h.start()
	id := h.begin("merche-biche")
	h.stepBecomes(id, "preflight", onboarding.StepFailed)
	h.waitForObservation("database", 0)
	h.world.set(func() {
		h.world.version["database"] = "moved"
		delete(h.world.findings, "preflight")
	})
	if err := h.Retry(t.Context(), id, "preflight", "ada"); err != nil {
		t.Fatal(err)
	}
	approval := h.asked(id, "database")
	if got := approval.Change.Items[0].Command.Argv[3]; got != "moved" {
		t.Errorf("asked about what was seen before: %q", got)
	}
	wantKinds(t, h.view(id), "database", onboarding.EventAsked)
}

// What a step saw before the effect of the one before it showed may be half of the truth.
func TestAnEarlyObservationIsDiscardedWhenTheEffectIsLate(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.late["database"] = 2
	h.world.version["dns/a.example.com"] = "before"
	h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	h.waitForObservation("dns/a.example.com", 0)
	h.world.set(func() { h.world.version["dns/a.example.com"] = "after" })
	approval := h.asked(id, "dns/a.example.com")
	if got := approval.Change.Items[0].Command.Argv[3]; got != "after" {
		t.Errorf("asked about what was seen %q the effect showed", got)
	}
	wantKinds(t, h.view(id), "dns/a.example.com", onboarding.EventAsked)
}

func TestCheckNowDuringAnObservationObservesAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.waiting["database"] = "somebody must move"
	h.start()
	id := h.begin("merche-biche")
	h.stepBecomes(id, "database", onboarding.StepWaiting)
	end := h.holdObservation("database")
	h.waitForObservation("database", h.observations("database"))
	if err := h.CheckNow(t.Context(), id, "database", "ada"); err != nil {
		t.Fatal(err)
	}
	were := h.observations("database")
	h.world.set(func() { delete(h.world.waiting, "database") })
	end()
	h.asked(id, "database")
	if h.observations("database") <= were {
		t.Error("an observation that began before somebody asked for one was enough")
	}
}

func TestARunIsCancelledWhileItIsObserved(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.start()
	end := h.holdObservation("preflight")
	defer end()
	id := h.begin("merche-biche")
	h.waitForObservation("preflight", 0)
	if err := h.Cancel(t.Context(), id, "ada"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		var busy int
		err := h.pool.QueryRow(t.Context(),
			`SELECT count(*) FROM river_job WHERE kind = 'onboarding_advance'
				AND state NOT IN ('completed', 'cancelled', 'discarded')`).Scan(&busy)
		if err != nil {
			t.Fatal(err)
		}
		if busy == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d jobs go on with a run that was cancelled", busy)
		}
	}
	wantKinds(t, h.view(id), "preflight")
	if err := h.Cancel(t.Context(), id, "ada"); !errors.Is(err, onboarding.ErrRunEnded) {
		t.Errorf("cancelled twice: %v", err)
	}
}

func (h *harness) view(id uuid.UUID) *onboarding.View {
	h.t.Helper()
	view, err := h.Records.View(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return view
}
