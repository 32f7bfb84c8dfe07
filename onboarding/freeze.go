package onboarding

import "time"

// Freeze holds every destructive step, of all runs, until it is thawed. What is being applied at
// that moment ends.
type Freeze struct {
	Reason string
	By     Operator
	At     time.Time
}
