package onboarding

import "context"

// Operator is a person whom the configuration allows to ask or to approve. The ID is opaque here:
// what the chat side uses to tell people apart, never a name.
type Operator struct {
	ID string `json:"id"`
	// Name is for people and commits, and proves nothing.
	Name string `json:"name"`
}

// Permissions is what an operator may do.
type Permissions struct {
	Operator
	Operates bool // may ask for runs and steer their own
	Approves bool // may decide on changes of others
	// Refused says, for whom neither holds, why: a guest, another workspace, not on the list.
	Refused string
}

// Directory tells who somebody is. An error means that it could not be found out, and nobody may
// do anything.
type Directory interface {
	Permissions(ctx context.Context, id string) (Permissions, error)
}
