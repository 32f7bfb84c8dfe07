package runbook

import (
	"context"
	"slices"
	"time"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/runbook/site"
)

// Step is one step of the runbook, with everything that the product knows about it. The registry
// lists all of them.
type Step struct {
	Kind onboarding.Kind
	// Title names the step for people. For a step of a domain, the domain's name follows it.
	Title string
	// Why is the sentence above a request for approval: what the change is for, or what it costs.
	Why string
	// Runs are the kinds of runs that have the step. Default: onboarding only.
	Runs []onboarding.RunKind
	// PerDomain says that a run has the step once for each of its domains.
	PerDomain bool
	// After are the kinds of steps that must be done first. Those that are not part of the run are
	// left out.
	After []onboarding.Kind
	// Destructive says that the step changes something outside the bot's own database, so its
	// changes are approved.
	Destructive bool
	// ByHand reports whether people make the changes of a destructive step themselves, so nothing
	// is approved and the run waits for them. Default: never.
	ByHand func() bool
	// Applies reports whether the step is part of a run, for one of its domains if the step is
	// PerDomain. Default: always; for an undo: if the run that is undone applied the step.
	Applies func(run *onboarding.Run, domain onboarding.Domain) bool
	// Observe returns what is left to do. It changes nothing.
	Observe func(ctx context.Context, s *scope) (onboarding.Observation, error)
	// Allows returns why an item may never be part of a change of this step, nil if it may. It is
	// the judgement of the guard, written apart from Observe. Default: no item is allowed.
	Allows func(s *scope, item onboarding.Item) error
	// Timeout bounds each command of the step. Default: the limit of the host.
	Timeout time.Duration
	// Undo takes the changes of the step back, nil if nothing does. Its kind is derived, and so is
	// its place: undo steps run in the reverse order, but for those that name others in After.
	Undo *Step
}

// in reports whether runs of a kind have the step.
func (s Step) in(kind onboarding.RunKind) bool {
	if len(s.Runs) == 0 {
		return kind == onboarding.KindOnboard
	}
	return slices.Contains(s.Runs, kind)
}

func (s Step) applies(run *onboarding.Run, domain onboarding.Domain) bool {
	return s.Applies == nil || s.Applies(run, domain)
}

func (s Step) key(domain string) onboarding.Key {
	if s.PerDomain {
		return domainKey(s.Kind, domain)
	}
	return onboarding.Key(s.Kind)
}

// domainKey is the key of a step that a run has once per domain.
func domainKey(kind onboarding.Kind, domain string) onboarding.Key {
	return onboarding.Key(string(kind) + "/" + domain)
}

// definition describes the step for one run.
func (s Step) definition(domain string, after []onboarding.Key) onboarding.Definition {
	title := s.Title
	if s.PerDomain {
		title += " " + domain
	}
	return onboarding.Definition{
		Key: s.key(domain), Title: title, After: after,
		Destructive: s.Destructive && (s.ByHand == nil || !s.ByHand()),
	}
}

// scope is what one step works on in one run.
type scope struct {
	run *onboarding.Run
	key onboarding.Key
	// site is that of the step's domain, nil for a step of the whole run.
	site *site.Site
	// forPlan says that steps which come first are not done yet, so the observation is only for a
	// plan.
	forPlan bool
}

// applying reports whether the step's change is being applied, or was when a process died.
func (s *scope) applying() bool {
	step := s.run.Step(s.key)
	return step != nil && step.State == onboarding.StepApplying
}

// forPlan reports whether a step that comes before this one is not done yet.
func forPlan(run *onboarding.Run, key onboarding.Key) bool {
	step := run.Step(key)
	return step != nil && slices.ContainsFunc(step.After, func(before onboarding.Key) bool {
		other := run.Step(before)
		return other != nil && other.State != onboarding.StepDone
	})
}
