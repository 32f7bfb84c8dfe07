// Package risk has the nouns and rules of risks that reports on isolation name and operators
// accept: the request of one operator, what others do about it, and what became of it. It has no
// I/O.
package risk

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// Kind is what rules name for requests to accept a risk. No step has it.
const Kind onboarding.Kind = "risk"

// maxDays bounds how many days from now a risk can be accepted.
const maxDays = 366

// Request asks other operators to accept a risk that a report on isolation names, until a day and
// while the object of the risk stays as it is. Requests and the votes on them are only ever added.
type Request struct {
	ID uuid.UUID
	// Object, Operation and Definition are those of the finding, and Finding is what the report
	// says about it.
	Object, Operation, Definition, Finding string
	Reason                                 string
	// Until is the last day on which the risk is accepted, in UTC, such as 2027-01-31.
	Until string
	// By asked. Source names the form in which they asked, see [onboarding.Vote].
	By     onboarding.Operator
	Source string
	Asked  time.Time
	// Expires is until when others can decide.
	Expires time.Time
	// Report is the one below which it is asked, and Channel the id of its channel.
	Report  uuid.UUID
	Channel string
	Needs   int // distinct approvers that must accept
	// Confirm is what has to confirm the votes of those who accept.
	Confirm onboarding.Confirm
	// Votes are in the order in which they were given.
	Votes     []Vote
	Signature []byte // of a [onboarding.Signer]
}

// Vote is what one operator did about a request to accept a risk.
type Vote struct {
	Act       Act
	By        onboarding.Operator
	Reason    string
	Source    string // see [onboarding.Vote]
	At        time.Time
	Confirmed onboarding.Confirm
	Signature []byte // of a [onboarding.Signer]
}

// Act is what somebody does about a request to accept a risk.
type Act string

// Accepting and rejecting is for approvers. Every operator can withdraw a request or what came of
// it: the risk then counts again.
const (
	Accept   Act = "accept"
	Reject   Act = "reject"
	Withdraw Act = "withdraw"
)

// State is what became of a request to accept a risk.
type State string

// The states of a request. Reports set a risk apart while its request is accepted.
const (
	Open      State = "open"
	Accepted  State = "accepted"
	Over      State = "over" // it was accepted, and its last day has passed
	Rejected  State = "rejected"
	Withdrawn State = "withdrawn"
	Expired   State = "expired" // nobody decided in time
)

// State returns what became of the request by a time, and the vote that decided, nil for none.
func (r *Request) State(now time.Time) (State, *Vote) {
	state, accepted := Open, 0
	var last *Vote
	for i, vote := range r.Votes {
		switch vote.Act {
		case Reject:
			return Rejected, &r.Votes[i]
		case Withdraw:
			return Withdrawn, &r.Votes[i]
		}
		if vote.By.ID == r.By.ID {
			continue
		}
		if accepted++; accepted == r.Needs {
			state, last = Accepted, &r.Votes[i]
		}
	}
	switch {
	case state == Accepted && now.UTC().Format(time.DateOnly) > r.Until:
		return Over, last
	case state == Open && !now.Before(r.Expires):
		return Expired, nil
	}
	return state, last
}

// WasOpen reports whether others could decide on the request at a time that has passed.
func (r *Request) WasOpen(at time.Time) bool {
	then := *r
	then.Votes = slices.DeleteFunc(slices.Clone(r.Votes), func(vote Vote) bool { return vote.At.After(at) })
	state, _ := then.State(at)
	return state == Open
}

// End is when an accepted risk counts again: when the last day is over, in UTC.
func (r *Request) End() time.Time {
	last, err := time.Parse(time.DateOnly, r.Until)
	if err != nil {
		return time.Time{}
	}
	return last.AddDate(0, 0, 1)
}

// Approvers returns who accepted.
func (r *Request) Approvers() []onboarding.Operator {
	var accepted []onboarding.Operator
	for _, vote := range r.Votes {
		if vote.Act == Accept {
			accepted = append(accepted, vote.By)
		}
	}
	return accepted
}

// Allows returns nil if somebody may do this about the request at this time. Otherwise it returns
// a [onboarding.PermissionError], [onboarding.ErrOwnRequest] or a [DecidedError].
func (r *Request) Allows(act Act, by onboarding.Permissions, now time.Time) error {
	if err := by.MayOperate(); err != nil {
		return err
	}
	state, _ := r.State(now)
	decided := &DecidedError{Request: r, State: state}
	if act == Withdraw {
		if state != Open && state != Accepted {
			return decided
		}
		return nil
	}
	switch {
	case !by.Approves && by.Refused == "":
		return &onboarding.PermissionError{Because: "only approvers decide on risks", Err: onboarding.ErrNotApprover}
	case !by.Approves:
		return &onboarding.PermissionError{Because: by.Refused, Err: onboarding.ErrNotApprover}
	case by.ID == r.By.ID:
		return onboarding.ErrOwnRequest
	case state != Open:
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
func (r *Request) Signed() []any {
	return []any{"risk", 1, r.ID, r.Object, r.Operation, r.Definition, r.Finding, r.Reason, r.Until, r.By.ID, r.Source,
		r.Asked.UnixMicro(), r.Expires.UnixMicro(), r.Report, r.Channel, r.Needs, r.Confirm}
}

// Signed lists what the signature of the vote on a request is of.
func (v *Vote) Signed(request *Request) []any {
	return []any{"risk vote", 1, request.ID, v.Act, v.By.ID, v.Reason, v.Source, v.At.UnixMicro(), v.Confirmed}
}

// DecidedError says that a request to accept a risk was no longer open to what somebody did, or
// that there is one already.
type DecidedError struct {
	Request *Request
	State   State
}

func (e *DecidedError) Error() string {
	return "the request to accept the risk is " + string(e.State)
}

// UntilError says that a day is not one until which a risk can be accepted.
type UntilError struct{ First, Last string }

func (e *UntilError) Error() string { return "the day is not from " + e.First + " to " + e.Last }

// CheckUntil returns an [UntilError] unless a risk can be accepted until a day.
func CheckUntil(day string, now time.Time) error {
	first, last := now.UTC().Format(time.DateOnly), now.UTC().AddDate(0, 0, maxDays).Format(time.DateOnly)
	if _, err := time.Parse(time.DateOnly, day); err != nil || day < first || day > last {
		return &UntilError{First: first, Last: last}
	}
	return nil
}
