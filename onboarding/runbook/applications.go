package runbook

import (
	"sync"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// applications remembers, for each step of each run, whether everything that this process applied
// has ended. A command on a host outlives the bot that began it, so after a restart nothing is
// known and observers wait for the lock of the host.
type applications struct{ last sync.Map } // application to outcome

type application struct {
	run uuid.UUID
	key onboarding.Key
}

// outcome is that of the newest application of a step.
type outcome struct {
	approval string // each approval is for one application
	ended    bool   // every item so far was applied, and nothing of it runs any more
	failed   bool
}

// begin notes that an item is about to be applied.
func (a *applications) begin(auth onboarding.Authorization) {
	key := application{auth.Run.ID, auth.Step}
	last, known := a.last.Load(key)
	failed := known && last.(outcome).failed && last.(outcome).approval == auth.Approval && auth.Approval != ""
	a.last.Store(key, outcome{approval: auth.Approval, failed: failed})
}

// end notes that the item was applied, or failed and may have left something running.
func (a *applications) end(auth onboarding.Authorization, err error) {
	key := application{auth.Run.ID, auth.Step}
	last, _ := a.last.Load(key)
	failed := err != nil || last.(outcome).failed
	a.last.Store(key, outcome{approval: auth.Approval, ended: !failed, failed: failed})
}

// ended reports whether this process applied the step and everything that it ran on a host has
// ended.
func (a *applications) ended(s *scope) bool {
	last, known := a.last.Load(application{s.run.ID, s.key})
	return known && last.(outcome).ended
}

// awaited returns the lock of a host if an earlier application of the step may still run under it:
// the observer must wait until nobody holds it. It is empty if nothing was applied, or its end was
// seen.
func (a *applications) awaited(s *scope, lock string) string {
	step := s.run.Step(s.key)
	begun := step != nil && (step.State == onboarding.StepApproved || step.State == onboarding.StepApplying)
	if !begun || a.ended(s) {
		return ""
	}
	return lock
}
