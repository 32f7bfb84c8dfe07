package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// maxObservations bounds how many steps of a run are observed beside each other.
	maxObservations = 8
	// orderWindow is how long a finished observation waits for those of the steps before it, so
	// approvals are asked for in the order of the runbook.
	orderWindow = 100 * time.Millisecond
	// idleDelay is how long an observation that nothing waits for yet leaves the machines to what
	// people wait for.
	idleDelay = 2 * time.Second
	// rereadInterval is how often a run whose steps are being observed is read again, for what
	// another replica was told.
	rereadInterval = time.Second
)

// observer has the observations of a run that go on beside each other and beside whatever is
// applied meanwhile: a name server that does not answer holds up no other domain, and a long
// check no deployment.
//
// Its methods are for the driver's goroutine. An observation belongs to a goroutine of its own
// until it is collected.
type observer struct {
	runbook onboarding.Runbook
	timeout time.Duration
	pending []*pendingObservation    // under way, or finished and not used yet
	ended   chan *pendingObservation // has room for all, so no observation waits to be collected
	wakeups chan struct{}            // holds one once an observation finished or the run was changed
	running sync.WaitGroup
}

func newObserver(e *Engine) *observer {
	return &observer{runbook: e.runbook, timeout: e.policy.StepTimeout,
		ended: make(chan *pendingObservation, maxObservations), wakeups: make(chan struct{}, 1)}
}

// observed is what an observation saw, or why it saw nothing.
type observed struct {
	onboarding.Observation
	digest onboarding.Digest
	err    error
}

// pendingObservation is one observation of one step.
type pendingObservation struct {
	key     onboarding.Key
	changed time.Time // when the step was changed last before the observation began
	stale   bool      // it began too early and counts for nothing
	// early are the observations that began in the expectation that this one finds its step done.
	early []*pendingObservation
	// start is closed by startNow.
	start    chan struct{}
	startNow func()
	finished bool // the driver has collected it; the fields below are the observation's own until then
	ended    time.Time
	observed
}

// discard makes observations count for nothing.
func discard(observations []*pendingObservation) {
	for _, observation := range observations {
		observation.stale = true
	}
}

// observe asks the runbook what is left to do in a step.
func (o *observer) observe(ctx context.Context, run *onboarding.Run, key onboarding.Key) observed {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	var seen observed
	seen.err = routine.Call(func() (err error) {
		seen.Observation, err = o.runbook.Observe(ctx, run, key)
		return err
	})
	if seen.err == nil {
		seen.digest, seen.err = seen.Change.Digest()
	}
	return seen
}

// unobserved lists the steps that have to be observed and hold no approval.
func unobserved(run *onboarding.Run, now time.Time) []*onboarding.Step {
	var list []*onboarding.Step
	for i := range run.Steps {
		step := &run.Steps[i]
		due := step.State == onboarding.StepPending || step.State == onboarding.StepWaiting && !now.Before(step.Due)
		if due && run.Ready(step) {
			list = append(list, step)
		}
	}
	return list
}

// urgent reports whether somebody waits for what a step sees: for its approval request, for a
// step that comes after it and has nothing else to wait for, or for the end of the run.
func urgent(run *onboarding.Run, step *onboarding.Step) bool {
	if step.Destructive {
		return true
	}
	last, then := true, run.WithDone(step.Key)
	for i := range then.Steps {
		if next := &then.Steps[i]; slices.Contains(next.After, step.Key) {
			last = false
			if then.Ready(next) {
				return true
			}
		}
	}
	return last
}

// observeAll begins the observations of the steps that have to be observed and are not yet.
func (o *observer) observeAll(ctx context.Context, run *onboarding.Run) {
	for _, step := range unobserved(run, time.Now()) {
		if observation := o.begin(ctx, run, step); observation != nil && !step.Destructive {
			observation.early = o.observeEarly(ctx, run, step.Key)
		}
		if observation := o.find(step.Key); observation != nil && urgent(run, step) {
			observation.startNow()
		}
	}
}

// observeEarly begins the observations of the steps that ask for approval once another step is
// done, beside what may be the last observation of that one: it changes nothing any more, so they
// see what they would see after it, and their approval requests are there when it is done.
func (o *observer) observeEarly(ctx context.Context, run *onboarding.Run, done onboarding.Key) []*pendingObservation {
	var observations []*pendingObservation
	then := run.WithDone(done)
	for _, step := range unobserved(then, time.Now()) {
		if step.Destructive && slices.Contains(step.After, done) {
			if observation := o.begin(ctx, then, step); observation != nil {
				observation.startNow()
				observations = append(observations, observation)
			}
		}
	}
	return observations
}

// begin begins the observation of a step. It returns nil when one is under way or too many are.
func (o *observer) begin(ctx context.Context, run *onboarding.Run, step *onboarding.Step) *pendingObservation {
	if o.find(step.Key) != nil || len(o.pending) == maxObservations {
		return nil
	}
	observation := &pendingObservation{key: step.Key, changed: step.Changed, start: make(chan struct{})}
	observation.startNow = sync.OnceFunc(func() { close(observation.start) })
	o.pending = append(o.pending, observation)
	seen := run.Clone()
	o.running.Go(routine.Contained(func() {
		select {
		case <-observation.start:
		case <-time.After(idleDelay):
		case <-ctx.Done():
		}
		observation.observed = o.observe(ctx, seen, observation.key)
		observation.ended = time.Now()
		o.ended <- observation
		wake(o.wakeups)
	}))
	return observation
}

func (o *observer) find(key onboarding.Key) *pendingObservation {
	for _, observation := range o.pending {
		if observation.key == key {
			return observation
		}
	}
	return nil
}

// busy reports whether an observation is under way, or finished and not used yet.
func (o *observer) busy() bool { return len(o.pending) > 0 }

// collect takes note of the observations that finished, and drops those that count for nothing.
func (o *observer) collect(run *onboarding.Run) {
	for len(o.ended) > 0 {
		(<-o.ended).finished = true
	}
	for _, observation := range slices.Clone(o.pending) {
		if !observation.finished {
			continue
		}
		if step := run.Step(observation.key); observation.stale || !run.Ready(step) && !o.observesBefore(step) {
			o.drop(observation)
		}
	}
}

func (o *observer) drop(observation *pendingObservation) {
	o.pending = slices.DeleteFunc(o.pending, func(other *pendingObservation) bool { return other == observation })
}

// next takes out the observation that is to be used now, nil where there is none: in the order of
// the runbook, except those that take long. Where one only waits for those before it, next
// returns until when.
func (o *observer) next(run *onboarding.Run) (observation *pendingObservation, until time.Time) {
	asks := false // a step before may still ask for approval
	for i := range run.Steps {
		step := &run.Steps[i]
		observation := o.find(step.Key)
		switch {
		case observation == nil:
		case !observation.finished:
			asks = asks || step.Destructive
		case !run.Ready(step): // it began early
		case asks && time.Since(observation.ended) < orderWindow:
			until = observation.ended.Add(orderWindow)
		default:
			o.drop(observation)
			return observation, time.Time{}
		}
	}
	return nil, until
}

// observesBefore reports whether a step that this one comes after is being observed.
func (o *observer) observesBefore(step *onboarding.Step) bool {
	return slices.ContainsFunc(step.After, func(key onboarding.Key) bool { return o.find(key) != nil })
}

// wait waits for an observation to finish, for the run to be changed, and no longer than until a
// time where there is one.
func (o *observer) wait(ctx context.Context, until time.Time) error {
	longest := rereadInterval
	if !until.IsZero() {
		longest = min(longest, time.Until(until))
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-o.wakeups:
	case <-time.After(longest):
	}
	return nil
}
