package onboarding

import "github.com/google/uuid"

// LiveDomain is a domain that a run made live.
type LiveDomain struct {
	Domain
	// Run is the newest run that made it live, Slug is the Provider's, and Channel is where that
	// run was requested.
	Run     uuid.UUID
	Slug    string
	Channel string
}
