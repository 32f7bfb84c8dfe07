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

// MayOperate returns nil for somebody who may ask for runs and steer them, and a [PermissionError] of
// [ErrNotOperator] for anybody else.
func (p Permissions) MayOperate() error {
	if !p.Operates && !p.Approves {
		return &PermissionError{Because: p.Refused, Err: ErrNotOperator}
	}
	return nil
}

// MayDecide returns nil for somebody who may decide on changes of a run, a [PermissionError] of
// [ErrNotApprover] for somebody who is no approver, and [ErrOwnRequest] for who asked for the run.
func (p Permissions) MayDecide(run *Run) error {
	switch {
	case !p.Approves:
		return &PermissionError{Because: p.Refused, Err: ErrNotApprover}
	case p.ID == run.Requester.ID:
		return ErrOwnRequest
	}
	return nil
}

// Directory tells who somebody is. An error means that it could not be found out, and nobody may
// do anything.
type Directory interface {
	Permissions(ctx context.Context, id string) (Permissions, error)
}
