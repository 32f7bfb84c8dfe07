package onboarding

import (
	"time"

	"github.com/google/uuid"
)

// Approval is a request for approval, and what became of it: may this change, with this digest,
// be applied?
type Approval struct {
	ID     uuid.UUID
	RunID  uuid.UUID
	Step   Key
	Change Change
	Digest Digest
	State  ApprovalState
	Drift  string // how the change differs from the one requested before, empty for a first request
	Asked  time.Time
	// AskedWith is an earlier request of the run, in whose message this one stands: they came
	// together. It is zero for a request with a message of its own.
	AskedWith uuid.UUID
	Expires   time.Time
	// Remind is when the approvers are reminded. Escalate is when the second group is told, zero
	// for never.
	Remind, Escalate time.Time
	// Reminded is when the approvers were reminded, zero before.
	Reminded time.Time
	// Closed is when it was rejected, expired, lapsed, withdrawn or used, zero before.
	Closed time.Time
	Needs  int // distinct approvers that must agree
	// ReasonNeeded makes those who agree say why.
	ReasonNeeded bool
	// Confirm is what has to confirm the votes of those who agree.
	Confirm Confirm
	// Escalated is when the second group was told, zero before.
	Escalated time.Time
	// ApplyNow says that an approver had the change applied outside its window, nil if nobody did.
	ApplyNow *ApplyNow
	Votes    []Vote
}

// ApplyNow is a press of an approver who has an approved change applied outside its window.
type ApplyNow struct {
	By        string // the operator's id
	At        time.Time
	Signature []byte // of a [Signer]
}

// Signed are the values that are signed.
func (n *ApplyNow) Signed(approval *Approval) []any {
	return []any{"apply now", 1, approval.ID, approval.Digest, n.By, n.At.UnixMicro()}
}

// ApprovalState is the state of an approval.
type ApprovalState string

// The states of an approval. Only [ApprovalOpen] and [ApprovalAhead] can be decided, and only
// [ApprovalApproved] lets a change be applied.
const (
	ApprovalOpen          ApprovalState = "open"
	ApprovalAhead         ApprovalState = "ahead"          // shown before its step's turn, and can be decided
	ApprovalAheadApproved ApprovalState = "ahead_approved" // decided before its step's turn
	ApprovalApproved      ApprovalState = "approved"
	ApprovalUsed          ApprovalState = "used" // approved, and its step is done
	ApprovalRejected      ApprovalState = "rejected"
	ApprovalLapsed        ApprovalState = "lapsed"  // the target changed: the digest is not the one that was approved
	ApprovalRevoked       ApprovalState = "revoked" // approved, and then too old, or by too few who may decide now
	ApprovalExpired       ApprovalState = "expired"
	ApprovalWithdrawn     ApprovalState = "withdrawn" // the run was cancelled
)

// Decidable reports whether operators can still vote.
func (s ApprovalState) Decidable() bool { return s == ApprovalOpen || s == ApprovalAhead }

// MaxReason is how long a reason may be, in characters.
const MaxReason = 500

// Vote is one operator's decision.
type Vote struct {
	By     Operator
	Agrees bool
	Reason string
	// BrokeGlass says that somebody approved alone in an emergency, perhaps their own request.
	BrokeGlass bool
	At         time.Time
	// Source names what was delivered for the approval and in which the vote was given, and
	// identifies what it showed. The gate counts no vote without it.
	Source string
	// NotBefore is until when the change waits for its window, as of this vote. It is zero for at
	// once.
	NotBefore time.Time
	// Confirmed is what confirmed the vote. Signature is that of a [Signer].
	Confirmed Confirm
	Signature []byte
}

// NeedsWhole reports whether somebody who agrees must have been shown every line of the change: it
// runs or commits what others wrote, or takes back what is live. Whoever breaks the glass must
// have been shown any change.
func (a *Approval) NeedsWhole(run *Run) bool {
	return run.Kind == KindUndo || a.Step.Kind() == KindDeploy || a.Step.Kind() == KindSync
}

// NotBefore is the latest time until which a vote that agrees has the change wait, zero for at
// once.
func (a *Approval) NotBefore() (last time.Time) {
	for _, vote := range a.Votes {
		if vote.Agrees && vote.NotBefore.After(last) {
			last = vote.NotBefore
		}
	}
	return last
}

// Approvers returns who agreed.
func (a *Approval) Approvers() []Operator {
	var agreed []Operator
	for _, vote := range a.Votes {
		if vote.Agrees {
			agreed = append(agreed, vote.By)
		}
	}
	return agreed
}

// DecidableBy reports whether this operator can still vote at this time: nil, a [DecidedError],
// or [ErrRunEnded]. Who may vote at all is for the caller to find out.
func (a *Approval) DecidableBy(operator string, run *Run, now time.Time) error {
	if a.State.Decidable() && now.After(a.Expires) {
		return &DecidedError{State: ApprovalExpired, At: a.Expires}
	}
	for _, vote := range a.Votes {
		if vote.By.ID == operator {
			return &DecidedError{State: a.State, By: vote.By.ID, At: vote.At}
		}
	}
	if !a.State.Decidable() {
		decided := &DecidedError{State: a.State, At: a.Closed}
		if count := len(a.Votes); count > 0 {
			decided.By, decided.At = a.Votes[count-1].By.ID, a.Votes[count-1].At
		}
		return decided
	}
	if run.State != RunActive {
		return ErrRunEnded
	}
	return nil
}
