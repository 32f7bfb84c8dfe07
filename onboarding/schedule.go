package onboarding

import (
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding/windows"
)

// Freeze holds every destructive step of all runs until somebody thaws it. A change that is being
// applied at that moment is completed.
type Freeze struct {
	Reason string
	By     Operator
	At     time.Time
}

// Moment is a time that somebody named in their time zone, such as Europe/Berlin.
type Moment struct {
	Time time.Time `json:"time"`
	Zone string    `json:"zone"`
}

// In returns the time in its zone, and the zero time for a nil moment.
func (m *Moment) In() time.Time {
	if m == nil {
		return time.Time{}
	}
	zone, err := windows.Zone(m.Zone)
	if err != nil {
		zone = time.UTC
	}
	return m.Time.In(zone)
}

// Opens returns the first time, not before from, at which the change of an approval may be
// applied: the time of the request and those of the votes have come, and a window is open. It
// returns false if no window comes. A change waits for nothing if an approver has it applied now,
// or the glass was broken.
func (p *Policy) Opens(run *Run, approval *Approval, from time.Time) (time.Time, bool) {
	glass := slices.ContainsFunc(approval.Votes, func(vote Vote) bool { return vote.BrokeGlass })
	if approval.ApplyNow != nil || glass {
		return from, true
	}
	for _, least := range []time.Time{run.Request.At.In(), approval.NotBefore()} {
		if from.Before(least) {
			from = least
		}
	}
	return p.Calendar.Opens(windowed(run, approval), from)
}

// NextWindow returns when the window after the one that is open now begins for the change of an
// approval. It returns false if no window covers the change, or none comes.
func (p *Policy) NextWindow(run *Run, approval *Approval, now time.Time) (time.Time, bool) {
	return p.Calendar.NextWindow(windowed(run, approval), now)
}

// HasWindows reports whether a window covers the change of an approval.
func (p *Policy) HasWindows(run *Run, approval *Approval) bool {
	return p.Calendar.HasWindows(windowed(run, approval))
}

// ValidUntil returns when an approval expires. If a vote has the change wait for its window, that
// is not before [Policy.ApprovalLife] has passed since the window opened: nothing expires while it
// waits.
func (p *Policy) ValidUntil(approval *Approval) time.Time {
	opens := approval.NotBefore()
	if until := opens.Add(p.ApprovalLife); !opens.IsZero() && until.After(approval.Expires) {
		return until
	}
	return approval.Expires
}

// windowed returns what decides which windows cover a change: the kind of the step, and the hosts
// on which the change runs or at which the step's domain points.
func windowed(run *Run, approval *Approval) windows.Change {
	change := windows.Change{Kind: string(approval.Step.Kind())}
	for _, domain := range run.Request.Domains {
		if domain.Name == approval.Step.Domain() {
			change.Hosts = append(change.Hosts, domain.Host)
		}
	}
	for _, item := range approval.Change.Items {
		if item.Command != nil {
			change.Hosts = append(change.Hosts, item.Command.Host)
		}
	}
	return change
}
