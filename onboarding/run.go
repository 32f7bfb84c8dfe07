package onboarding

import (
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
)

// RunKind is what a run is for.
type RunKind string

// The kinds of runs.
const (
	KindOnboard RunKind = "onboard"
	KindUndo    RunKind = "undo"  // takes back what another run did
	KindRenew   RunKind = "renew" // renews the certificate of one domain
)

// Run is one onboarding from the request to the last check, the undoing of one, or the renewal of
// a certificate.
type Run struct {
	ID        uuid.UUID
	Kind      RunKind
	Request   Request
	Requester Operator
	State     RunState
	// Channel is where the run was requested. It is opaque here.
	Channel string
	// TenantID is the id that the Provider's row gets. It is chosen when the run begins, so an
	// approver sees it. Where the row exists already, [FactUserID] holds its id.
	TenantID uuid.UUID
	// Facts are what the steps have learned so far.
	Facts   Facts
	Created time.Time
	Ended   time.Time // zero while active
	EndedBy Operator  // who cancelled
	Steps   []Step    // in the order of the runbook
	// Changed reports whether it began to apply a change.
	Changed bool
	// Undo is the newest run that takes this ended onboarding back, nil where there is none.
	Undo *Undo
	// Undoes is what a run of [KindUndo] takes back, nil for any other.
	Undoes *Undoes
	// Renews is the run that made the domain live whose certificate a run of [KindRenew] renews,
	// zero where none did.
	Renews uuid.UUID
	// Signature is that of a [Signer], of who requested the run.
	Signature []byte
}

// RunState is the state of a run.
type RunState string

// The states of a run. Whether an active run waits, works or needs somebody follows from its
// steps.
const (
	RunActive    RunState = "active"
	RunDone      RunState = "done"
	RunCancelled RunState = "cancelled"
)

// StepState is the state of a step.
type StepState string

// The states of a step.
const (
	StepPending  StepState = "pending"  // to be observed, for the first time or again
	StepWaiting  StepState = "waiting"  // something outside the bot must happen first
	StepAsking   StepState = "asking"   // an approval is open
	StepApproved StepState = "approved" // about to be applied
	StepApplying StepState = "applying" // being applied, or interrupted by a crash
	StepDone     StepState = "done"
	StepFailed   StepState = "failed"
	StepRejected StepState = "rejected"
	StepExpired  StepState = "expired" // nobody decided in time
	StepUnknown  StepState = "unknown" // interrupted, and its outcome cannot be determined
)

// Stuck reports whether the step goes on only after somebody presses Retry.
func (s StepState) Stuck() bool {
	return s == StepFailed || s == StepRejected || s == StepExpired || s == StepUnknown
}

// Step is one line of the runbook in one run, with its state.
type Step struct {
	Definition
	State StepState
	// Detail explains the state to people: what the step waits for, or why it failed.
	Detail   string
	Findings []Finding
	// Due is when a waiting step is observed again, or until when an approved one waits for its
	// window. It is zero for an approved step that does not wait.
	Due     time.Time
	Changed time.Time
}

// Step returns the step of a key, nil if the run has none.
func (r *Run) Step(key Key) *Step {
	for i := range r.Steps {
		if r.Steps[i].Key == key {
			return &r.Steps[i]
		}
	}
	return nil
}

// Clone returns a copy of the run whose facts and steps can change without changing the run's.
func (r *Run) Clone() *Run {
	copied := *r
	copied.Facts, copied.Steps = maps.Clone(r.Facts), slices.Clone(r.Steps)
	return &copied
}

// WithDone returns a copy of the run in which the step is done.
func (r *Run) WithDone(key Key) *Run {
	then := r.Clone()
	then.Step(key).State = StepDone
	return then
}

// Ready reports whether every step that the step comes after is done.
func (r *Run) Ready(step *Step) bool {
	for _, key := range step.After {
		if before := r.Step(key); before != nil && before.State != StepDone {
			return false
		}
	}
	return true
}

// Finished reports whether every step is done.
func (r *Run) Finished() bool {
	for i := range r.Steps {
		if r.Steps[i].State != StepDone {
			return false
		}
	}
	return true
}

// Stuck returns the steps that go on only after somebody presses Retry.
func (r *Run) Stuck() []*Step {
	var stuck []*Step
	for i := range r.Steps {
		if r.Steps[i].State.Stuck() {
			stuck = append(stuck, &r.Steps[i])
		}
	}
	return stuck
}

// Undone reports whether a later run took this onboarding back.
func (r *Run) Undone() bool { return r.Undo != nil && r.Undo.State == RunDone }

// Related returns the undo of an onboarding, and the onboarding of an undo.
func (r *Run) Related() []uuid.UUID {
	switch {
	case r.Undo != nil:
		return []uuid.UUID{r.Undo.Run}
	case r.Undoes != nil:
		return []uuid.UUID{r.Undoes.Run}
	}
	return nil
}

// Tenant returns the id of the Provider's row: the one found, else the one that it will get.
func (r *Run) Tenant() string {
	if found := r.Facts[FactUserID]; found != "" {
		return found
	}
	return r.TenantID.String()
}

// HasDomain reports whether the request of the run has a domain of this name. A nil run has none.
func (r *Run) HasDomain(name string) bool {
	return r != nil && slices.ContainsFunc(r.Request.Domains, func(domain Domain) bool { return domain.Name == name })
}

// Fact names something that a step learned. Later steps and people read it.
type Fact string

// Facts are what the steps of a run learned, by name.
type Facts map[Fact]string

// The facts that are not about one domain.
const (
	FactUserID Fact = "user_id" // the id of the Provider's row on the platform
	FactOrgID  Fact = "org_id"  // the id of the row of the Provider's Org on the platform
)

// CertificateFact names the fact that says when a domain's certificate ends, in RFC 3339.
func CertificateFact(domain string) Fact { return Fact("certificate/" + domain) }
