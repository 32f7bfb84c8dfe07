package onboarding

import (
	"time"

	"github.com/google/uuid"
)

// Event is one line of the audit trail. Events are only ever added.
type Event struct {
	ID    int64
	RunID uuid.UUID // zero for a press about no run
	At    time.Time
	Kind  EventKind
	Step  Key
	Actor Operator // empty for what the bot did on its own
	Text  string   // a reason, an error, or how the change differs
	// Approval and Digest are those that the event is about, if it is about one.
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
	EventLockedOut   EventKind = "locked_out"   // too many wrong codes of a second factor
	EventForged      EventKind = "forged_press" // a press in a message that was not delivered
	EventScheduled   EventKind = "scheduled"    // approved, and waits for its window
	EventApplyNow    EventKind = "apply_now"    // an approver had it applied outside its window
	EventRefused     EventKind = "refused"      // a decision of somebody who may not make it
	EventApplying    EventKind = "applying"
	EventWaiting     EventKind = "waiting" // began to wait for something outside the bot
	EventInterrupted EventKind = "interrupted"
	EventReopened    EventKind = "reopened" // was done, and its effect is gone
	EventDone        EventKind = "done"
	EventFailed      EventKind = "failed"
	EventUnknown     EventKind = "unknown"
	EventRetried     EventKind = "retried"
	EventChecked     EventKind = "checked"
	EventCancelled   EventKind = "cancelled"
	EventFinished    EventKind = "finished"
)
