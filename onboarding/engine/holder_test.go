package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
)

// A process that loses the connection that holds a run's lock stops at once what it does for the
// run, and the run goes on under the same approval.
func TestALostSessionStopsWhatItsHolderDoes(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	hold := make(chan struct{})
	h.world.hold["database"] = hold
	h.start()
	id := h.begin("merche-biche")
	h.approve(id, "database", "bob")
	<-h.world.entered
	began := time.Now()
	// The work goes on until it is cancelled: only then does the next application begin.
	h.exec(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
		AND (classid::bigint << 32 | objid::bigint) = hashtextextended('onboardbot/run/' || $1::text, 0)`, id.String())
	<-h.world.entered
	t.Logf("taken over after %s", time.Since(began))
	h.world.set(func() { delete(h.world.hold, "database") })
	close(hold)
	view := h.stepBecomes(id, "database", onboarding.StepDone)
	if len(view.Attempts) != 2 || view.Attempts[0].Outcome != onboarding.OutcomeInterrupted ||
		h.world.settled["database"] == 0 {
		t.Errorf("%d attempts, settled %d times\n%s", len(view.Attempts), h.world.settled["database"], describe(view))
	}
}

// When contact with a command is lost, its step waits until the command has ended and then
// observes. Nobody is asked a second time.
func TestContactIsLost(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(*world)
		state     onboarding.StepState
		applied   int
	}{
		"and it had finished": {func(w *world) {
			w.there["merche-biche/database"] = true
			delete(w.broken, "database")
		}, onboarding.StepDone, 1},
		"and the rest is left": {func(w *world) {
			w.parts["database"] = []string{"two"}
			delete(w.broken, "database")
		}, onboarding.StepDone, 2},
		"again and again": {func(w *world) {}, onboarding.StepUnknown, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, onboarding.Policy{})
			h.world.parts["database"] = []string{"one", "two"}
			h.world.broken["database"] = fmt.Errorf("%w: the connection broke", onboarding.ErrLost)
			hold := make(chan struct{})
			h.world.holdSettle["database"] = hold
			h.start()
			id := h.begin("merche-biche")
			h.approve(id, "database", "bob")
			h.until(id, "the step says what it waits for", func(view *onboarding.View) bool {
				step := view.Step("database")
				return step.State == onboarding.StepApplying && strings.HasPrefix(step.Detail, "Waiting: ")
			})
			h.world.set(func() { test.meanwhile(h.world) })
			close(hold)
			view := h.stepBecomes(id, "database", test.state)
			if got := h.world.count("database"); got != test.applied || requests(view, "database") != 1 {
				t.Errorf("applied %d times, want %d, under %d approvals\n%s", got, test.applied,
					requests(view, "database"), describe(view))
			}
			if test.state == onboarding.StepDone {
				return
			}
			h.world.set(func() { delete(h.world.broken, "database") })
			if err := h.Retry(t.Context(), id, "database", "ada"); err != nil {
				t.Fatal(err)
			}
			if view = h.stepBecomes(id, "database", onboarding.StepDone); requests(view, "database") != 1 {
				t.Errorf("%d approvals after Retry\n%s", requests(view, "database"), describe(view))
			}
		})
	}
}

// A step whose change needs what another run is using says whose it is.
func TestAWaitSaysWhoseTheLockIs(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	hold := make(chan struct{})
	h.world.hold["database"] = hold
	h.start()
	one, two := h.begin("one"), h.begin("two")
	h.approve(one, "database", "bob")
	<-h.world.entered
	h.approve(two, "database", "bob")
	const want = "Waiting for the all lock of vps, which the run of one is using."
	h.until(two, want, func(view *onboarding.View) bool { return view.Step("database").Detail == want })
	close(hold)
	view := h.stepBecomes(two, "database", onboarding.StepDone)
	if view.Step("database").Detail != "" {
		t.Errorf("detail %q", view.Step("database").Detail)
	}
}

// requests counts the approvals that a step asked for.
func requests(view *onboarding.View, key onboarding.Key) (count int) {
	for _, approval := range view.Approvals {
		if approval.Step == key {
			count++
		}
	}
	return count
}

// A step that finds the effect of an earlier one gone has that observed again, and every step
// after it: the change is approved once more, and the run goes on.
func TestAnEffectThatIsGoneIsMadeAgain(t *testing.T) {
	t.Parallel()
	h := newHarness(t, onboarding.Policy{})
	hold := make(chan struct{})
	h.world.holdObserve["verify"] = hold
	h.world.reopen["verify"] = []onboarding.Key{"database"}
	h.start()
	id := h.begin("merche-biche")
	for _, key := range []onboarding.Key{"database", "dns/a.example.com", "dns/b.example.com"} {
		h.approve(id, key, "bob")
		h.stepBecomes(id, key, onboarding.StepDone)
	}
	h.world.set(func() { h.world.there["merche-biche/database"] = false })
	close(hold)
	h.stepBecomes(id, "database", onboarding.StepAsking)
	h.approve(id, "database", "bob")
	view := h.runBecomes(id, onboarding.RunDone)
	if got := h.world.count("database"); got != 2 || h.world.count("dns/a.example.com") != 1 {
		t.Errorf("applied %d times\n%s", got, describe(view))
	}
	wantKinds(t, view, "dns/a.example.com", onboarding.EventAsked, onboarding.EventApproved, onboarding.EventApplying,
		onboarding.EventDone, onboarding.EventReopened, onboarding.EventDone)
}
