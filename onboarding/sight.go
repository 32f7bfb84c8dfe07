package onboarding

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// sight is what a look saw, or why it saw nothing.
type sight struct {
	Observation
	digest Digest
	err    error
}

// see asks the runbook what is left to do in a step.
func (s *Service) see(ctx context.Context, run *Run, key Key) sight {
	ctx, cancel := context.WithTimeout(ctx, s.config.StepTimeout)
	defer cancel()
	var seen sight
	if seen.Observation, seen.err = s.Runbook.Observe(ctx, run, key); seen.err == nil {
		seen.digest, seen.err = seen.Change.Digest()
	}
	return seen
}

// keep writes down what the run learned from a look.
func (d *driver) keep(ctx context.Context, run *Run, seen sight) (Observation, error) {
	if seen.err == nil {
		seen.err = saveFacts(ctx, d.conn, run, seen.Facts)
	}
	return seen.Observation, seen.err
}

const (
	// looksAtOnce bounds how many steps of a run look beside each other.
	looksAtOnce = 8
	// patience is how long what a step saw waits for the looks of the steps before it, so that questions are put in the order of
	// the runbook.
	patience = 100 * time.Millisecond
	// unhurried is how long a look that nothing waits for yet leaves the machines to what people wait for.
	unhurried = 2 * time.Second
	// newsEvery is how often a run whose steps are looking is read again, for what another replica was told.
	newsEvery = time.Second
)

// lookout has the looks of a run that go on beside each other and beside whatever is applied meanwhile: a name server that does
// not answer holds up no other domain, and a long check no deployment.
type lookout struct {
	pending []*glimpse    // under way, or ended and not concluded
	ended   chan *glimpse // has room for all, so that no look waits to be heard
	news    chan struct{} // holds one once a look ended or the run was changed
	looks   sync.WaitGroup
}

// glimpse is one look of one step.
type glimpse struct {
	key   Key
	stood time.Time     // since when the step had stood as it did when the look began
	void  bool          // that it began too early
	ahead []*glimpse    // those of the steps that look ahead of this one's end
	now   chan struct{} // closed by hurry
	hurry func()        // says that somebody waits for the look
	heard bool          // that it ended; what follows is the look's own until then
	ended time.Time
	sight
}

// disregard makes looks count for nothing.
func disregard(looks []*glimpse) {
	for _, look := range looks {
		look.void = true
	}
}

func newLookout() *lookout {
	return &lookout{ended: make(chan *glimpse, looksAtOnce), news: make(chan struct{}, 1)}
}

// looking lists the steps that have to look and hold no approval.
func (r *Run) looking(now time.Time) []*Step {
	var list []*Step
	for i := range r.Steps {
		step := &r.Steps[i]
		if r.ready(step) && (step.State == StepPending || step.State == StepWaiting && !now.Before(step.Due)) {
			list = append(list, step)
		}
	}
	return list
}

// awaited reports that somebody waits for what a step sees: for its question, or for a step that comes after it and after nothing else
// that is still to be done, or for the end of the run.
func (r *Run) awaited(step *Step) bool {
	if step.Destructive {
		return true
	}
	last, then := true, r.with(step)
	for i := range then.Steps {
		if next := &then.Steps[i]; slices.Contains(next.After, step.Key) {
			last = false
			if then.ready(next) {
				return true
			}
		}
	}
	return last
}

// lookOut begins the looks of the steps that have to look and do not yet.
func (d *driver) lookOut(ctx context.Context, run *Run) {
	for _, step := range run.looking(time.Now()) {
		if look := d.begin(ctx, run, step); look != nil && !step.Destructive {
			look.ahead = d.lookAhead(ctx, run, step)
		}
		if look := d.find(step.Key); look != nil && run.awaited(step) {
			look.hurry()
		}
	}
}

// lookAhead begins the looks of the steps that ask once another one is done, beside what may be the last look of that one: it changes
// nothing any more, so that they see what they would see after it, and their questions are there when it is done.
func (d *driver) lookAhead(ctx context.Context, run *Run, done *Step) []*glimpse {
	var looks []*glimpse
	ahead := run.with(done)
	for _, step := range ahead.looking(time.Now()) {
		if step.Destructive && slices.Contains(step.After, done.Key) {
			if look := d.begin(ctx, ahead, step); look != nil {
				look.hurry()
				looks = append(looks, look)
			}
		}
	}
	return looks
}

// begin begins the look of a step, unless one is under way or too many are.
func (d *driver) begin(ctx context.Context, run *Run, step *Step) *glimpse {
	if d.find(step.Key) != nil || len(d.pending) == looksAtOnce {
		return nil
	}
	look, seen := &glimpse{key: step.Key, stood: step.Changed, now: make(chan struct{})}, run.snapshot()
	look.hurry = sync.OnceFunc(func() { close(look.now) })
	d.pending = append(d.pending, look)
	d.looks.Go(func() {
		select {
		case <-look.now:
		case <-time.After(unhurried):
		case <-ctx.Done():
		}
		look.sight, look.ended = d.see(ctx, seen, look.key), time.Now()
		d.ended <- look
		tell(d.news)
	})
	return look
}

func (l *lookout) find(key Key) *glimpse {
	for _, look := range l.pending {
		if look.key == key {
			return look
		}
	}
	return nil
}

// hear takes note of the looks that ended, and drops those that count for nothing.
func (l *lookout) hear(run *Run) {
	for len(l.ended) > 0 {
		(<-l.ended).heard = true
	}
	for _, look := range slices.Clone(l.pending) {
		if step := run.Step(look.key); look.heard && (look.void || !run.ready(step) && !l.looksBefore(step)) {
			l.drop(look)
		}
	}
}

func (l *lookout) drop(look *glimpse) {
	l.pending = slices.DeleteFunc(l.pending, func(other *glimpse) bool { return other == look })
}

// next takes out the look that is to be concluded now, nil where there is none: in the order of the runbook, but for those that take
// long. Where one only waits for those before it, it says until when.
func (l *lookout) next(run *Run) (look *glimpse, until time.Time) {
	var asks bool // one before may still put a question
	for i := range run.Steps {
		step := &run.Steps[i]
		look := l.find(step.Key)
		switch {
		case look == nil:
		case !look.heard:
			asks = asks || step.Destructive
		case !run.ready(step): // it looked ahead
		case asks && time.Since(look.ended) < patience:
			until = look.ended.Add(patience)
		default:
			l.drop(look)
			return look, time.Time{}
		}
	}
	return nil, until
}

// looksBefore reports whether a look is under way that a step comes after.
func (l *lookout) looksBefore(step *Step) bool {
	return slices.ContainsFunc(step.After, func(key Key) bool { return l.find(key) != nil })
}

// await waits for a look to end, for the run to be changed, and no longer than until a time where there is one.
func (l *lookout) await(ctx context.Context, until time.Time) error {
	wait := newsEvery
	if !until.IsZero() {
		wait = min(wait, time.Until(until))
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-l.news:
	case <-time.After(wait):
	}
	return nil
}

// learn brings a step as far as a look lets it go, unless somebody had it look again meanwhile.
func (d *driver) learn(ctx context.Context, run *Run, look *glimpse) error {
	step := run.Step(look.key)
	if !step.Changed.Equal(look.stood) {
		disregard(look.ahead)
		return nil
	}
	err := d.conclude(ctx, run, step, nil, false, look.sight)
	if step.State != StepDone {
		disregard(look.ahead)
	}
	return err
}

// tell leaves word on a channel that holds one.
func tell(news chan struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}

// nudge has the driver of a run, if it is in this process, read the run again.
func (s *Service) nudge(id uuid.UUID) {
	if news, ok := s.driven.Load(id); ok {
		tell(news.(chan struct{}))
	}
}
