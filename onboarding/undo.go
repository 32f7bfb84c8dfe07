package onboarding

import (
	"time"

	"github.com/google/uuid"
)

// Undoes is what a run takes back: the changes that an onboarding applied, or may have.
type Undoes struct {
	// Run is the last run of the onboarding. Runs that were cancelled before it belong to the
	// same onboarding: each continued from what was there.
	Run uuid.UUID
	// DeleteCertificates also deletes the certificates; otherwise they are kept, since issuing
	// them again is rate-limited.
	DeleteCertificates bool
	// Applied are the changes of those runs whose application began, oldest first. The step that
	// takes one back observes how much of it was applied.
	Applied []Applied
}

// Applied is a change of a step whose application began.
type Applied struct {
	Step   Key
	Change Change
}

// Undo is the run that takes back an onboarding, or took it back.
type Undo struct {
	Run   uuid.UUID
	State RunState  // a cancelled one is here only if it began to apply a change
	Ended time.Time // zero while active
}
