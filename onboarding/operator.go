package onboarding

import "context"

// Operator is a person whom the configuration allows to request or to approve. The ID is the chat
// side's identifier of the person, opaque here and never a name.
type Operator struct {
	ID string `json:"id"`
	// Name is for people and commits. It is not proof of identity.
	Name string `json:"name"`
}

// Permissions is what an operator may do.
type Permissions struct {
	Operator
	Operates bool // may request runs and control them
	Approves bool // may decide on changes of others
	// Refused says why somebody may do neither: a guest, another workspace, not on the list.
	Refused string
}

// MayOperate returns nil for somebody who may request runs and control them, and a
// [PermissionError] of [ErrNotOperator] for anybody else.
func (p Permissions) MayOperate() error {
	if !p.Operates && !p.Approves {
		return &PermissionError{Because: p.Refused, Err: ErrNotOperator}
	}
	return nil
}

// MayDecide returns nil for somebody who may decide on changes of a run, a [PermissionError] of
// [ErrNotApprover] for somebody who is no approver, and [ErrOwnRequest] for the run's requester.
func (p Permissions) MayDecide(run *Run) error {
	switch {
	case !p.Approves:
		return &PermissionError{Because: p.Refused, Err: ErrNotApprover}
	case p.ID == run.Requester.ID:
		return ErrOwnRequest
	}
	return nil
}

// Directory looks up what somebody may do. After an error nobody may do anything.
type Directory interface {
	Permissions(ctx context.Context, id string) (Permissions, error)
}
