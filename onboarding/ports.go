package onboarding

import "context"

// Platform is what a request is checked against: the authoritative database.
type Platform interface {
	// Tenant returns the Person with this slug, nil if there is none.
	Tenant(ctx context.Context, slug string) (*Tenant, error)
	// Org returns the Org with this slug, nil if there is none.
	Org(ctx context.Context, slug string) (*Org, error)
	// Orgs returns Orgs whose slug or name holds the text, by name.
	Orgs(ctx context.Context, text string, limit int) ([]Org, error)
	// EmailTaken returns the slug of the Person who has the address, empty if nobody has.
	EmailTaken(ctx context.Context, email string) (string, error)
}

// Tenant is a Person's row on the platform.
type Tenant struct {
	ID          string
	Slug        string
	Email       string
	DisplayName string
}

// Repository is what domains are checked against: the platform's repository.
type Repository interface {
	// Deployed reports whether the domain has a folder in the repository.
	Deployed(ctx context.Context, domain string) (bool, error)
}
