package engine_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding"
)

// errBug makes the world panic instead of failing.
var errBug = errors.New("nil pointer in the world")

func panicInstead(err error) {
	if errors.Is(err, errBug) {
		panic(err)
	}
}

// A panic while a step is observed or applied is that step's failure, and no other's.
func TestAPanicIsTheFailureOfItsStep(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	h.world.broken["database"] = errBug
	h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	view := h.stepBecomes(id, "database", onboarding.StepFailed)
	if detail := view.Step("database").Detail; !strings.Contains(detail, errBug.Error()) {
		t.Errorf("the step says %q", detail)
	}
	h.world.set(func() {
		delete(h.world.broken, "database")
		h.world.unobservable["dns/a.example.com"] = errBug
	})
	if err := h.Retry(t.Context(), id, "database", "ada"); err != nil {
		t.Fatal(err)
	}
	h.approve(id, "database", "eve")
	h.stepBecomes(id, "database", onboarding.StepDone)
	view = h.stepBecomes(id, "dns/a.example.com", onboarding.StepFailed)
	if detail := view.Step("dns/a.example.com").Detail; !strings.Contains(detail, errBug.Error()) {
		t.Errorf("the step says %q", detail)
	}
	h.stepBecomes(id, "dns/b.example.com", onboarding.StepAsking)
}
