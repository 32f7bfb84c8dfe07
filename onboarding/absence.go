package onboarding

import (
	"slices"
	"time"
)

// Absence says that somebody else gets the direct messages and mentions of an operator for a while.
// It moves no rights.
type Absence struct {
	Operator, Cover string // ids of people
	From, Until     time.Time
}

// Covered returns who gets the messages of people at a time: themselves, or who covers for them. A
// cover passes nothing on. The requester of the run covers for nobody, since they may not decide on
// it. Each is there once.
func (v *View) Covered(ids []string, at time.Time) []string {
	var covered []string
	for _, id := range ids {
		for _, absence := range v.Absences {
			away := absence.Operator == id && !at.Before(absence.From) && at.Before(absence.Until)
			if away && absence.Cover != v.Requester.ID {
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
