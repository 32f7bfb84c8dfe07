package runbook

import (
	"slices"

	"github.com/atlilith/onboardbot/onboarding"
)

// undo begins the kind of a step that takes another one back.
const undo onboarding.Kind = "undo-"

// steps is the registry: every step of the runbook, in its order. The kinds are stored with every
// run, so none is ever renamed. What comes after what within a run, the kinds that rules may name,
// what is observed and allowed, and how a run is taken back are derived from it.
func steps(c *components) []Step {
	return []Step{
		preflightStep(c),
		databaseStep(c),
		isolationStep(c),
		mailKeyStep(c),
		mailStep(c),
		dnsStep(c),
		deployConfigStep(c),
		deployStep(c),
		certificateStep(c),
		renewStep(c),
		syncStep(c),
		goLiveStep(c),
		verifyStep(c),
	}
}

// registry holds the steps by their order in each kind of run.
type registry struct {
	forward []Step // in the order of the runbook
	undo    []Step // in the order in which a run is taken back
}

func newRegistry(steps []Step) *registry {
	return &registry{forward: steps, undo: undoSteps(steps)}
}

// undoSteps returns the steps that take others back: in the reverse order, but for those that come
// after another.
func undoSteps(steps []Step) []Step {
	var waiting []Step
	for _, step := range slices.Backward(steps) {
		if step.Undo == nil {
			continue
		}
		back := *step.Undo
		back.Kind, back.PerDomain, back.Destructive = undo+step.Kind, step.PerDomain, true
		back.Runs = []onboarding.RunKind{onboarding.KindUndo}
		if back.Applies == nil {
			back.Applies = func(run *onboarding.Run, domain onboarding.Domain) bool {
				return len(applied(run, domain.Name, step.Kind)) > 0
			}
		}
		waiting = append(waiting, back)
	}
	ordered := make([]Step, 0, len(waiting))
	for len(waiting) > 0 {
		i := slices.IndexFunc(waiting, func(step Step) bool {
			return !slices.ContainsFunc(waiting,
				func(other Step) bool { return slices.Contains(step.After, other.Kind) })
		})
		ordered = append(ordered, waiting[i])
		waiting = slices.Delete(waiting, i, i+1)
	}
	return ordered
}

// find returns the step of a kind, nil if there is none.
func (r *registry) find(kind onboarding.Kind) *Step {
	for _, list := range [][]Step{r.forward, r.undo} {
		if i := slices.IndexFunc(list, func(step Step) bool { return step.Kind == kind }); i >= 0 {
			return &list[i]
		}
	}
	return nil
}

// definitions lists the steps of an onboarding or a renewal. Steps of a domain that follow each
// other stay together, domain by domain.
func (r *registry) definitions(run *onboarding.Run) []onboarding.Definition {
	var list []onboarding.Definition
	add := func(step Step, domain onboarding.Domain) {
		if step.in(run.Kind) && step.applies(run, domain) {
			list = append(list, step.definition(domain.Name, keysOf(list, step, domain.Name)))
		}
	}
	for rest := r.forward; len(rest) > 0; {
		together := slices.IndexFunc(rest, func(step Step) bool { return !step.PerDomain })
		switch together {
		case 0:
			add(rest[0], onboarding.Domain{})
			together = 1
		case -1:
			together = len(rest)
			fallthrough
		default:
			for _, domain := range run.Request.Domains {
				for _, step := range rest[:together] {
					add(step, domain)
				}
			}
		}
		rest = rest[together:]
	}
	return list
}

// keysOf returns the keys of the steps in a list that a step comes after: of its own domain, or of
// all for a step of the whole run.
func keysOf(list []onboarding.Definition, step Step, domain string) []onboarding.Key {
	var keys []onboarding.Key
	for _, kind := range step.After {
		for _, before := range list {
			of := before.Key.Domain()
			if before.Key.Kind() == kind && (of == "" || !step.PerDomain || of == domain) {
				keys = append(keys, before.Key)
			}
		}
	}
	return keys
}

// undoDefinitions lists the steps that take a run back: the domains in the reverse order, each
// step of a domain after the one before, and the steps of the whole run after all of those.
func (r *registry) undoDefinitions(run *onboarding.Run) []onboarding.Definition {
	var list []onboarding.Definition
	var last []onboarding.Key
	for _, domain := range slices.Backward(run.Request.Domains) {
		var before []onboarding.Key
		for _, step := range r.undo {
			if step.PerDomain && step.applies(run, domain) {
				list = append(list, step.definition(domain.Name, before))
				before = []onboarding.Key{step.key(domain.Name)}
			}
		}
		last = append(last, before...)
	}
	for _, step := range r.undo {
		if !step.PerDomain && step.applies(run, onboarding.Domain{}) {
			list = append(list, step.definition("", last))
			last = []onboarding.Key{step.key("")}
		}
	}
	return list
}

// applied returns the items that the run which is undone applied for a domain, oldest first: in
// steps of some kinds, or in all steps if no kind is given.
func applied(run *onboarding.Run, domain string, kinds ...onboarding.Kind) []onboarding.Item {
	if run.Undoes == nil {
		return nil
	}
	var items []onboarding.Item
	for _, applied := range run.Undoes.Applied {
		if applied.Step.Domain() == domain && (len(kinds) == 0 || slices.Contains(kinds, applied.Step.Kind())) {
			items = append(items, applied.Change.Items...)
		}
	}
	return items
}

// Kinds are the kinds of steps whose changes are approved, in the order of the runbook and then in
// that of an undo.
func Kinds() []onboarding.Kind {
	var kinds []onboarding.Kind
	for _, step := range approvedSteps() {
		kinds = append(kinds, step.Kind)
	}
	return kinds
}

// Reasons says, for each of [Kinds], why a person is asked: a sentence that stands above the
// request for approval.
func Reasons() map[onboarding.Kind]string {
	reasons := map[onboarding.Kind]string{}
	for _, step := range approvedSteps() {
		reasons[step.Kind] = step.Why
	}
	return reasons
}

func approvedSteps() []Step {
	all := newRegistry(steps(new(components)))
	return slices.DeleteFunc(slices.Concat(all.forward, all.undo), func(step Step) bool { return !step.Destructive })
}
