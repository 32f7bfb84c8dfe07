package onboarding

import (
	"time"

	"github.com/google/uuid"
)

// Approval is the question put to a second operator: may this change, with this digest, be applied?
type Approval struct {
	ID      uuid.UUID
	RunID   uuid.UUID
	Step    Key
	Change  Change
	Digest  Digest
	State   ApprovalState
	Drift   string // how the change differs from the one asked before, empty for a first question
	Asked   time.Time
	Expires time.Time
	// Reminded is when the reminder went out, zero before.
	Reminded time.Time
	// Closed is when it stopped being open or was used up, zero before.
	Closed time.Time
	Needs  int // distinct approvers that must agree
	// ReasonNeeded makes those who agree say why.
	ReasonNeeded bool
	// Escalated is when the second group heard of it, zero before.
	Escalated time.Time
	Votes     []Vote
}

// ApprovalState is where an approval stands.
type ApprovalState string

// The states of an approval. Only open ones can be decided, and only approved ones let a change happen.
const (
	ApprovalOpen          ApprovalState = "open"
	ApprovalAhead         ApprovalState = "ahead"          // shown before its step's turn, and can be decided
	ApprovalAheadApproved ApprovalState = "ahead_approved" // decided before its step's turn
	ApprovalApproved      ApprovalState = "approved"
	ApprovalUsed          ApprovalState = "used" // approved, and its step is done
	ApprovalRejected      ApprovalState = "rejected"
	ApprovalLapsed        ApprovalState = "lapsed" // the world moved: the digest is not the one that was shown
	ApprovalExpired       ApprovalState = "expired"
	ApprovalWithdrawn     ApprovalState = "withdrawn" // the run was cancelled
)

// decidable reports that operators can still vote.
func (s ApprovalState) decidable() bool { return s == ApprovalOpen || s == ApprovalAhead }

// Vote is one operator's decision.
type Vote struct {
	By     Operator
	Agrees bool
	Reason string
	// BrokeGlass says that the requester agreed with themselves, in an emergency.
	BrokeGlass bool
	At         time.Time
}

// approvers returns who agreed.
func (a *Approval) approvers() []Operator {
	var agreed []Operator
	for _, vote := range a.Votes {
		if vote.Agrees {
			agreed = append(agreed, vote.By)
		}
	}
	return agreed
}

// Attempt is one application of a change, or one long look, with what it printed.
type Attempt struct {
	ID       uuid.UUID
	RunID    uuid.UUID
	Step     Key
	Approval uuid.UUID
	Outcome  Outcome
	Error    string
	Started  time.Time
	Finished time.Time // zero while running
	Tail     []string  // the last lines
	Lines    int       // how many lines there were
}

// Outcome is how an attempt ended.
type Outcome string

// The outcomes of an attempt.
const (
	OutcomeRunning     Outcome = "running"
	OutcomeDone        Outcome = "done"
	OutcomeFailed      Outcome = "failed"
	OutcomeInterrupted Outcome = "interrupted" // the bot died meanwhile
)

// Event is one line of the audit trail. Events are only ever added.
type Event struct {
	ID    int64
	RunID uuid.UUID
	At    time.Time
	Kind  EventKind
	Step  Key
	Actor Operator // empty for what the bot did by itself
	Text  string   // a reason, an error, what moved
	// Approval and Digest say what it was about, where it was about one.
	Approval uuid.UUID
	Digest   Digest
	Took     time.Duration
}

// EventKind is what happened.
type EventKind string

// The kinds of events.
const (
	EventRequested   EventKind = "requested"
	EventAsked       EventKind = "asked"
	EventApproved    EventKind = "approved"
	EventRejected    EventKind = "rejected"
	EventLapsed      EventKind = "lapsed"
	EventExpired     EventKind = "expired"
	EventReminded    EventKind = "reminded"
	EventEscalated   EventKind = "escalated"
	EventBrokeGlass  EventKind = "broke_glass"
	EventApplying    EventKind = "applying"
	EventWaiting     EventKind = "waiting" // began to wait for something in the world
	EventInterrupted EventKind = "interrupted"
	EventDone        EventKind = "done"
	EventFailed      EventKind = "failed"
	EventUnknown     EventKind = "unknown"
	EventRetried     EventKind = "retried"
	EventChecked     EventKind = "checked"
	EventCancelled   EventKind = "cancelled"
	EventFinished    EventKind = "finished"
)
