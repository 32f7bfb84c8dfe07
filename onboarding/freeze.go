package onboarding

import "time"

// Freeze holds every destructive step of all runs until somebody thaws it. A change that is being
// applied at that moment is completed.
type Freeze struct {
	Reason string
	By     Operator
	At     time.Time
}
