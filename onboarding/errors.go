package onboarding

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Why a person's request is refused. The chat side turns each into one sentence.
var (
	ErrNotFound    = errors.New("not found")
	ErrNotOperator = errors.New("not an operator")
	ErrNotApprover = errors.New("not an approver")
	ErrOwnRequest  = errors.New("the requester cannot approve their own request")
	ErrRunEnded    = errors.New("the run has ended")
	ErrNotRetry    = errors.New("the step cannot be retried")
	ErrNotWaiting  = errors.New("the step is not waiting")
	ErrNoReason    = errors.New("a reason is needed")
	ErrBusy        = errors.New("a step is being applied")
	ErrFrozen      = errors.New("already frozen")
	ErrNotFrozen   = errors.New("not frozen")
	ErrNoWindow    = errors.New("no window for the change comes")
	ErrNothing     = errors.New("there is nothing to undo")
	ErrNoGlass     = errors.New("breaking the glass is disabled")
	ErrOtherChange = errors.New("the form showed another change than the one that is stored")
)

// ErrTargetChanged says that the target of an item is no longer what it was when the change was
// approved. An [Applier] wraps it.
var ErrTargetChanged = errors.New("the target changed after this was approved")

// ErrNotHolder says that another process has taken over the run, or may have: this one changes
// nothing any more.
var ErrNotHolder = errors.New("another process has taken over the run")

// ErrLost says that contact with an item was lost while it was applied: it may still run. An
// [Applier] wraps it.
var ErrLost = errors.New("contact was lost while the change was applied")

// HeldRunError says that somebody cannot end the freeze, since it holds approved changes of a run
// that they requested.
type HeldRunError struct {
	Run  uuid.UUID
	Slug string
}

func (e *HeldRunError) Error() string {
	return "the freeze holds approved changes of the run that they requested: " + e.Slug
}

// DecidedError says that an approval was no longer open when somebody decided on it.
type DecidedError struct {
	State ApprovalState
	By    string    // who decided, empty when nobody did
	At    time.Time // when it stopped being open
}

func (e *DecidedError) Error() string { return "the approval is " + string(e.State) }

// ConfirmationNeededError says what somebody has to do before their vote counts, and on which
// approval. If a reason is needed, it is also [ErrNoReason].
type ConfirmationNeededError struct {
	Approval *Approval
	// Step is the step that the approval is for.
	Step Definition
	// Reason: say why. Whole: be shown the whole change. Code: type a code of the second factor.
	Reason, Whole, Code bool
}

func (e *ConfirmationNeededError) Error() string { return "the decision needs to be confirmed" }

// Unwrap returns [ErrNoReason] if a reason is needed.
func (e *ConfirmationNeededError) Unwrap() error {
	if e.Reason {
		return ErrNoReason
	}
	return nil
}

// PermissionError says why somebody may not do what they asked for, such as being a guest. It is
// also the wrapped sentinel.
type PermissionError struct {
	Because string
	Err     error
}

func (e *PermissionError) Error() string { return e.Err.Error() + ": " + e.Because }
func (e *PermissionError) Unwrap() error { return e.Err }

// Problems are the invalid inputs of a request, by field, each with a sentence for the person who
// filled it in.
type Problems map[Field]string

// Add keeps the first problem of each field. It ignores an empty one.
func (p Problems) Add(field Field, problem string) {
	if _, known := p[field]; !known && problem != "" {
		p[field] = problem
	}
}

// Append adds a problem of a field that can have several, unless it is there already. It ignores
// an empty one.
func (p Problems) Append(field Field, problem string) {
	if problem == "" || strings.Contains(" "+p[field], " "+problem) {
		return
	}
	p[field] = strings.TrimSpace(p[field] + " " + problem)
}

// Error lists the problems in the order of their fields.
func (p Problems) Error() string {
	lines := make([]string, 0, len(p))
	for _, field := range slices.Sorted(maps.Keys(p)) {
		lines = append(lines, fmt.Sprintf("%s: %s", field, p[field]))
	}
	return "invalid request: " + strings.Join(lines, "; ")
}

// ConflictError says that something else exists in the place of what a step would create. It is
// never overwritten.
type ConflictError struct {
	What string // what is in the way, as a sentence
	Fix  string // what a person can do
}

func (e *ConflictError) Error() string { return strings.TrimSpace(e.What + " " + e.Fix) }

// CodeReason is why a code does not count.
type CodeReason string

// Why a code does not count.
const (
	CodeNotEnrolled CodeReason = "not enrolled"
	CodeWrong       CodeReason = "wrong, or used before"
	CodeLocked      CodeReason = "locked after too many wrong codes"
)

// CodeError says that a code of an operator does not count.
type CodeError struct {
	Operator string
	Reason   CodeReason
	Left     int // how many tries are left
	// JustLocked says that it is this try that locked the operator out.
	JustLocked bool
}

func (e *CodeError) Error() string {
	if e.Left > 0 {
		return fmt.Sprintf("the code of %s: %s; tries left: %d", e.Operator, e.Reason, e.Left)
	}
	return fmt.Sprintf("the code of %s: %s", e.Operator, e.Reason)
}
