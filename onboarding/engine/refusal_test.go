package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/atlilith/onboardbot/onboarding"
)

// A refusal of the gate is in the audit trail, and leaves the step where a person goes on: a
// retry asks for an approval of its own.
func TestARefusedChangeIsRequestedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(h *harness)
		why       string
	}{
		"the guard refuses": {func(h *harness) {
			h.world.set(func() { h.world.forbidden = errors.New("a run never does this") })
		}, "a run never does this"},
		"the target changed": {func(h *harness) {
			h.world.set(func() { h.world.broken["database"] = onboarding.ErrTargetChanged })
		}, onboarding.ErrTargetChanged.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, onboarding.Policy{})
			hold := make(chan struct{})
			h.world.hold["database"] = hold
			h.world.parts["database"] = []string{"one", "two"}
			h.start()
			id := h.begin("merche-biche")
			approval := h.approve(id, "database", "bob")
			<-h.world.entered
			test.meanwhile(h)
			close(hold)
			view := h.stepBecomes(id, "database", onboarding.StepFailed)
			if detail := view.Step("database").Detail; !strings.Contains(detail, test.why) {
				t.Errorf("the step says %q, want %q", detail, test.why)
			}
			if state := view.Approval(approval.ID).State; state == onboarding.ApprovalApproved {
				t.Errorf("the approval is still %s", state)
			}
			last := view.Events[len(view.Events)-1]
			if last.Kind != onboarding.EventFailed || !strings.Contains(last.Text, test.why) {
				t.Errorf("the last event is %s: %s", last.Kind, last.Text)
			}
			h.world.set(func() {
				h.world.forbidden = nil
				delete(h.world.broken, "database")
			})
			if err := h.Retry(t.Context(), id, "database", "ada"); err != nil {
				t.Fatal(err)
			}
			h.approve(id, "database", "eve")
			h.stepBecomes(id, "database", onboarding.StepDone)
		})
	}
}

// A process that loses the lock of its run applies nothing more. Whoever holds the run then goes
// on.
func TestAProcessThatLostItsRunAppliesNothingMore(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	hold := make(chan struct{})
	h.world.hold["database"] = hold
	h.world.parts["database"] = []string{"one", "two"}
	h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	<-h.world.entered
	h.exec(`SELECT pg_terminate_backend(pid, 5000) FROM pg_locks
		WHERE locktype = 'advisory'
			AND (classid::bigint << 32 | objid::bigint) = hashtextextended('onboardbot/run/' || $1, 0)`, id.String())
	close(hold)
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	if got := kinds(view, "database"); !slices.Contains(got, onboarding.EventInterrupted) {
		t.Errorf("events %v do not say that it was cut short", got)
	}
	if got := h.world.count("database"); got != 2 {
		t.Errorf("begun %d times, want 2", got)
	}
}
