package onboarding

import "github.com/google/uuid"

// Undoes is what a run takes back: the changes that an onboarding applied, or may have.
type Undoes struct {
	// Run is the last run of the onboarding. Those that were cancelled before it are of the same
	// one: each took up what was there.
	Run uuid.UUID
	// DeleteCertificates also deletes the certificates; otherwise they are kept, since issuing
	// them again is rate-limited.
	DeleteCertificates bool
	// Applied are the changes of those runs of which an application was begun, oldest first. How
	// far one came is for the step to see.
	Applied []Applied
}

// Applied is a change of a step of which an application was begun.
type Applied struct {
	Step   Key
	Change Change
}
