// Package render shows the domain in Slack: pure functions from a view of a run, the Home tab or a
// plan to messages and modals. It uses no database, no Slack client and no clock of
// its own, so the same view always gives the same messages.
package render

import (
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/onboarding"
)

// Renderer shows runs in Slack. Its methods are pure functions of a view, and of the time for
// work in progress.
type Renderer struct {
	// Command is the slash command, as people type it.
	Command string
	// Approvers and EscalateTo are ids of people and user groups.
	Approvers, EscalateTo []string
	// Mentions reports whether approvers are mentioned in the thread.
	Mentions bool
	// BreakGlass reports whether operators may approve alone in an emergency.
	BreakGlass bool
	// Reasons says for each kind of step why somebody is asked: the sentence in a request for
	// approval.
	Reasons map[onboarding.Kind]string
	// HasWindows reports whether a window covers the change of an approval. Nil: none covers any.
	HasWindows func(*onboarding.Run, *onboarding.Approval) bool
	// Now is when an answer is read, zero for a message that stays.
	Now time.Time
	// links are the addresses of threads, where known.
	links threadLinks
}

// WithLinks returns a renderer that knows the addresses of the threads of these runs: of related ones, see
// [onboarding.Run.Related], and of a run that people are told of elsewhere.
func (r Renderer) WithLinks(links map[uuid.UUID]string) Renderer {
	r.links = links
	return r
}

// windowed reports whether a window covers the change of an approval.
func (r Renderer) windowed(run *onboarding.Run, approval *onboarding.Approval) bool {
	return r.HasWindows != nil && r.HasWindows(run, approval)
}

// reason says why somebody is asked about a step.
func (r Renderer) reason(key onboarding.Key) string {
	return cmp.Or(r.Reasons[key.Kind()], "It changes something outside the bot.")
}
