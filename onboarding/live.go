package onboarding

import "github.com/google/uuid"

// LiveDomain is a domain that a run made live.
type LiveDomain struct {
	Domain
	// Run is the newest that made it live, Slug whose it is, and Channel where that run was asked
	// for.
	Run     uuid.UUID
	Slug    string
	Channel string
}
