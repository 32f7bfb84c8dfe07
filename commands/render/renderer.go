// Package render shows the domain in Slack: pure functions from a view of a run, the Home tab, a plan or an error to messages
// and modals. It knows no database, no Slack client and no clock: whoever renders the same view later gets the same messages.
package render

import (
	"github.com/atlilith/onboardbot/onboarding"
)

// Renderer writes what a run looks like in Slack. Its methods are pure functions of a view, and of the time for what is under
// way: whoever renders later renders the same.
type Renderer struct {
	Command    string
	Approvers  []string
	EscalateTo []string
	Mentions   bool // approvers are mentioned in the thread
	BreakGlass bool // operators may approve alone
	// freeze holds what is approved, nil where nothing does.
	freeze *onboarding.Freeze
}

// DuringFreeze is a scribe who writes while a freeze holds, or none.
func (s Renderer) DuringFreeze(freeze *onboarding.Freeze) Renderer {
	s.freeze = freeze
	return s
}
