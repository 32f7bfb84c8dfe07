package onboarding

import "github.com/google/uuid"

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
