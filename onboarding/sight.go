package onboarding

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// sight is what a look saw, or why it saw nothing.
type sight struct {
	Look
	digest Digest
	err    error
}

// see asks the runbook what is left to do in a step.
func (d *driver) see(ctx context.Context, run *Run, step *Step) sight {
	ctx, cancel := context.WithTimeout(ctx, d.config.StepTimeout)
	defer cancel()
	var seen sight
	if seen.Look, seen.err = d.Runbook.Look(ctx, run, step.Key); seen.err == nil {
		seen.digest, seen.err = seen.Change.Digest()
	}
	return seen
}

// keep writes down what the run learned from a look.
func (d *driver) keep(ctx context.Context, run *Run, seen sight) (Look, error) {
	if seen.err == nil {
		seen.err = saveFacts(ctx, d.conn, run, seen.Facts)
	}
	return seen.Look, seen.err
}

// looksAtOnce bounds how many steps of a run look beside each other.
const looksAtOnce = 8

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

// lookTogether lets steps look beside each other, so that all questions of a run with many domains are there at once, and then
// brings each as far as it goes.
func (d *driver) lookTogether(ctx context.Context, run *Run, steps []*Step) error {
	seen := make([]sight, len(steps))
	var group errgroup.Group
	group.SetLimit(looksAtOnce)
	for i, step := range steps {
		group.Go(func() error {
			seen[i] = d.see(ctx, run, step)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	for i, step := range steps {
		if err := d.conclude(ctx, run, step, nil, false, seen[i]); err != nil {
			return err
		}
	}
	return nil
}
