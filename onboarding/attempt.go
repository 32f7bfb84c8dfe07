package onboarding

import (
	"time"

	"github.com/google/uuid"
)

// Attempt is one application of a change, with its output.
type Attempt struct {
	ID       uuid.UUID
	RunID    uuid.UUID
	Step     Key
	Approval uuid.UUID
	Outcome  Outcome
	Error    string
	Started  time.Time
	Finished time.Time // zero while running
	Tail     []string  // the last lines
	Lines    int       // how many lines there were
	// Signature is that of a [Signer]: the gate let the application begin.
	Signature []byte
}

// Signed are the values that are signed.
func (a *Attempt) Signed(approval *Approval) []any {
	return []any{"attempt", 1, a.ID, approval.ID, approval.Digest}
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of an attempt.
const (
	OutcomeRunning     Outcome = "running"
	OutcomeDone        Outcome = "done"
	OutcomeFailed      Outcome = "failed"
	OutcomeInterrupted Outcome = "interrupted" // the bot died while it applied the change
)
