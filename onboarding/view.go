package onboarding

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// View is everything there is to show about a run, read at one moment.
type View struct {
	*Run
	Approvals []*Approval // oldest first
	Attempts  []*Attempt  // oldest first
	Events    []Event     // oldest first
	// Head is the newest entry of the audit chain about the run, for people.
	Head string
	// Absences are those since the run began.
	Absences []Absence
	// Freeze holds every change of an active run, nil if nothing does.
	Freeze *Freeze
}

// Approval returns one of the view's approvals, nil if it has none with this id.
func (v *View) Approval(id uuid.UUID) *Approval {
	for _, approval := range v.Approvals {
		if approval.ID == id {
			return approval
		}
	}
	return nil
}

// JustAsked reports whether the newest event about some approvals is that one of them was asked
// for.
func (v *View) JustAsked(approvals []*Approval) bool {
	for _, event := range slices.Backward(v.Events) {
		if slices.ContainsFunc(approvals, func(approval *Approval) bool { return approval.ID == event.Approval }) {
			return event.Kind == EventAsked
		}
	}
	return false
}

// Absence says that somebody else gets the direct messages and mentions of an operator for a
// while. It moves no rights.
type Absence struct {
	Operator, Cover string // ids of people
	From, Until     time.Time
}

// Covered is [Covered] for what the run asks people.
func (v *View) Covered(ids []string, at time.Time) []string {
	return Covered(ids, v.Absences, v.Requester.ID, at)
}

// Covered returns who gets the messages of people at a time: themselves, or who covers for them. A
// cover passes nothing on. The requester covers for nobody, since they may not decide on what they
// asked for. Each is there once.
func Covered(ids []string, absences []Absence, requester string, at time.Time) []string {
	var covered []string
	for _, id := range ids {
		for _, absence := range absences {
			away := absence.Operator == id && !at.Before(absence.From) && at.Before(absence.Until)
			if away && absence.Cover != requester {
				id = absence.Cover
				break
			}
		}
		if !slices.Contains(covered, id) {
			covered = append(covered, id)
		}
	}
	return covered
}
