package onboarding

import (
	"context"
	"time"
)

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
	// StandsIn says that somebody may decide on changes of others once an approval was escalated.
	StandsIn bool
	// Refused says why somebody may do neither: a guest, another workspace, not on the list. It is
	// read by others too, in the audit log.
	Refused string
}

// MayOperate returns nil for somebody who may request runs and control them, and a
// [PermissionError] of [ErrNotOperator] for anybody else.
func (p Permissions) MayOperate() error {
	if !p.Operates && !p.Approves && !p.StandsIn {
		return &PermissionError{Because: p.Refused, Err: ErrNotOperator}
	}
	return nil
}

// MayDecide returns nil for somebody who may decide on changes of a run, on all or on those that
// were escalated. It returns a [PermissionError] of [ErrNotApprover] for somebody who is no
// approver, and [ErrOwnRequest] for the run's requester.
func (p Permissions) MayDecide(run *Run) error {
	switch {
	case !p.Approves && !p.StandsIn:
		return &PermissionError{Because: p.Refused, Err: ErrNotApprover}
	case p.ID == run.Requester.ID:
		return ErrOwnRequest
	}
	return nil
}

// MayDecideOn is [Permissions.MayDecide] for one approval at one time: somebody who stands in is
// no approver before the approval is escalated.
func (p Permissions) MayDecideOn(approval *Approval, run *Run, now time.Time) error {
	if err := p.MayDecide(run); err != nil || p.Approves {
		return err
	}
	return approval.OpenToStandIns(now)
}

// OpenToStandIns returns nil once the approval is escalated. Until then it returns a
// [PermissionError] of [ErrNotApprover], for those who only stand in for the approvers.
func (a *Approval) OpenToStandIns(now time.Time) error {
	switch {
	case a.Escalate.IsZero():
		return &PermissionError{Because: "only approvers decide on this request, because it is never escalated",
			Err: ErrNotApprover}
	case now.Before(a.Escalate):
		return &PermissionError{Because: "only approvers decide until " +
			a.Escalate.UTC().Format("2006-01-02 15:04 MST"), Err: ErrNotApprover}
	}
	return nil
}

// Directory looks up what somebody may do. After an error nobody may do anything.
type Directory interface {
	// PermissionsNow looks somebody up anew: the answer is at most a few seconds old. Decisions
	// count by it.
	PermissionsNow(ctx context.Context, id string) (Permissions, error)
	// Permissions may answer with what was true a minute ago.
	Permissions(ctx context.Context, id string) (Permissions, error)
}
