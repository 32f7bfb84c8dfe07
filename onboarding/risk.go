package onboarding

import (
	"time"

	"github.com/google/uuid"
)

// KindRisk is the kind that rules name for requests to accept a risk. No step has it.
const KindRisk Kind = "risk"

// MaxRiskDays bounds how many days from now a risk can be accepted.
const MaxRiskDays = 366

// RiskRequest asks other operators to accept a risk that a report on isolation names, until a day and
// while the object of the risk stays as it is. Requests and the votes on them are only ever added.
type RiskRequest struct {
	ID uuid.UUID
	// Object, Operation and Definition are those of the finding, and Finding is what the report says
	// about it.
	Object, Operation, Definition, Finding string
	Reason                                 string
	// Until is the last day on which the risk is accepted, in UTC, such as 2027-01-31.
	Until string
	// By asked. Source names the form in which they asked, see [Vote].
	By     Operator
	Source string
	Asked  time.Time
	// Expires is until when others can decide.
	Expires time.Time
	// Report is the one below which it is asked, and Channel the id of its channel.
	Report  uuid.UUID
	Channel string
	Needs   int // distinct approvers that must accept
	// Confirm is what has to confirm the votes of those who accept.
	Confirm Confirm
	// Votes are in the order in which they were given.
	Votes     []RiskVote
	Signature []byte // of a [Signer]
}

// RiskVote is what one operator did about a request to accept a risk.
type RiskVote struct {
	Act       RiskAct
	By        Operator
	Reason    string
	Source    string // see [Vote]
	At        time.Time
	Confirmed Confirm
	Signature []byte // of a [Signer]
}

// RiskAct is what somebody does about a request to accept a risk.
type RiskAct string

// Accepting and rejecting is for approvers. Every operator can withdraw a request or what came of it:
// the risk then counts again.
const (
	AcceptRisk   RiskAct = "accept"
	RejectRisk   RiskAct = "reject"
	WithdrawRisk RiskAct = "withdraw"
)

// RiskState is what became of a request to accept a risk.
type RiskState string

// The states of a request. Reports set a risk apart while its request is accepted.
const (
	RiskOpen      RiskState = "open"
	RiskAccepted  RiskState = "accepted"
	RiskOver      RiskState = "over" // it was accepted, and its last day has passed
	RiskRejected  RiskState = "rejected"
	RiskWithdrawn RiskState = "withdrawn"
	RiskExpired   RiskState = "expired" // nobody decided in time
)

// State returns what became of the request by a time, and the vote that decided, nil for none.
func (r *RiskRequest) State(now time.Time) (RiskState, *RiskVote) {
	state, accepted := RiskOpen, 0
	var last *RiskVote
	for i, vote := range r.Votes {
		switch vote.Act {
		case RejectRisk:
			return RiskRejected, &r.Votes[i]
		case WithdrawRisk:
			return RiskWithdrawn, &r.Votes[i]
		}
		if vote.By.ID == r.By.ID {
			continue
		}
		if accepted++; accepted == r.Needs {
			state, last = RiskAccepted, &r.Votes[i]
		}
	}
	switch {
	case state == RiskAccepted && now.UTC().Format(time.DateOnly) > r.Until:
		return RiskOver, last
	case state == RiskOpen && now.After(r.Expires):
		return RiskExpired, nil
	}
	return state, last
}

// Approvers returns who accepted.
func (r *RiskRequest) Approvers() []Operator {
	var accepted []Operator
	for _, vote := range r.Votes {
		if vote.Act == AcceptRisk {
			accepted = append(accepted, vote.By)
		}
	}
	return accepted
}

// Allows returns nil if somebody may do this about the request at this time. Otherwise it returns a
// [PermissionError], [ErrOwnRequest] or a [RiskDecidedError].
func (r *RiskRequest) Allows(act RiskAct, by Permissions, now time.Time) error {
	if err := by.MayOperate(); err != nil {
		return err
	}
	state, _ := r.State(now)
	decided := &RiskDecidedError{Request: r, State: state}
	if act == WithdrawRisk {
		if state != RiskOpen && state != RiskAccepted {
			return decided
		}
		return nil
	}
	switch {
	case !by.Approves && by.Refused == "":
		return &PermissionError{Because: "only approvers decide on risks", Err: ErrNotApprover}
	case !by.Approves:
		return &PermissionError{Because: by.Refused, Err: ErrNotApprover}
	case by.ID == r.By.ID:
		return ErrOwnRequest
	case state != RiskOpen:
		return decided
	}
	for _, vote := range r.Votes {
		if vote.By.ID == by.ID {
			return decided
		}
	}
	return nil
}

// Signed lists what the signature of the request is of.
func (r *RiskRequest) Signed() []any {
	return []any{"risk", 1, r.ID, r.Object, r.Operation, r.Definition, r.Finding, r.Reason, r.Until, r.By.ID, r.Source,
		r.Asked.UnixMicro(), r.Expires.UnixMicro(), r.Report, r.Channel, r.Needs, r.Confirm}
}

// Signed lists what the signature of the vote on a request is of.
func (v *RiskVote) Signed(request *RiskRequest) []any {
	return []any{"risk vote", 1, request.ID, v.Act, v.By.ID, v.Reason, v.Source, v.At.UnixMicro(), v.Confirmed}
}

// RiskDecidedError says that a request to accept a risk was no longer open to what somebody did, or
// that there is one already.
type RiskDecidedError struct {
	Request *RiskRequest
	State   RiskState
}

func (e *RiskDecidedError) Error() string {
	return "the request to accept the risk is " + string(e.State)
}

// UntilError says that a day is not one until which a risk can be accepted.
type UntilError struct{ First, Last string }

func (e *UntilError) Error() string { return "the day is not from " + e.First + " to " + e.Last }

// CheckUntil returns an [UntilError] unless a risk can be accepted until a day.
func CheckUntil(day string, now time.Time) error {
	first, last := now.UTC().Format(time.DateOnly), now.UTC().AddDate(0, 0, MaxRiskDays).Format(time.DateOnly)
	if _, err := time.Parse(time.DateOnly, day); err != nil || day < first || day > last {
		return &UntilError{First: first, Last: last}
	}
	return nil
}
