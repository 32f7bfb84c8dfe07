package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// A run that is advanced takes one connection of the pool and no second one, whatever it does:
// with River's listener, which holds one, no more are needed than there are runs. What else needs
// a connection meanwhile waits for a run to end.
func TestRunsTakeOneConnectionEach(t *testing.T) {
	t.Parallel()
	const runs = 4
	h := newHarness(t, onboarding.Policy{})
	hold := make(chan struct{})
	h.world.hold["database"] = hold
	h.startWith(runs, runs+1)
	var ids []uuid.UUID
	for i := range runs {
		ids = append(ids, h.begin(fmt.Sprintf("provider-%d", i)))
	}
	for _, id := range ids {
		h.approve(id, "database", "bob")
	}
	<-h.world.entered
	h.waitForLocks(runs - 1) // of the host, which one run has
	for _, id := range ids {
		if view := h.view(id); len(view.Attempts) > 0 {
			h.until(id, "what it prints is shown",
				func(view *onboarding.View) bool { return view.Attempts[0].Lines > 0 })
		}
	}
	close(hold)
	for _, id := range ids {
		h.approve(id, "dns/a.example.com", "bob")
		h.approve(id, "dns/b.example.com", "bob")
	}
	for _, id := range ids {
		h.runBecomes(id, onboarding.RunDone)
	}
}

// waitForLocks returns once as many sessions wait for a lock.
func (h *harness) waitForLocks(sessions int) {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var waiting int
		err := h.pool.QueryRow(h.t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waiting)
		if err != nil {
			h.t.Fatal(err)
		}
		if waiting == sessions {
			return
		}
		if time.Now().After(deadline) {
			h.t.Fatalf("%d sessions wait for a lock, want %d", waiting, sessions)
		}
	}
}
