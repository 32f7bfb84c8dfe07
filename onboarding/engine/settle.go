package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
)

// lockPause is how long a run waits for the lock of another one before it says so, and looks again
// whose it is.
const lockPause = time.Second

// observe observes a step that is approved or was interrupted. An interrupted one is settled
// first: what still runs comes to its end, and an earlier holder begins nothing more. The error is
// that this process lost the run.
func (d *driver) observe(ctx context.Context, w *work) (seen observed, err error) {
	var waiting atomic.Pointer[string] // what the settling waits for
	err = d.holder.attend(ctx, func(ctx context.Context) error {
		if w.interrupted && w.approval != nil {
			limited, cancel := context.WithTimeout(ctx, d.engine.policy.StepTimeout)
			defer cancel()
			if err := d.gate.settle(limited, w, func(text string) { waiting.Store(&text) }); err != nil {
				return err
			}
		}
		seen = d.observer.observe(ctx, w.run, w.step.Key)
		return nil
	}, func() {
		if text := waiting.Load(); text != nil {
			d.showWaiting(ctx, w, *text)
		}
	})
	if errors.Is(err, onboarding.ErrNotHolder) {
		return observed{}, &RefusedError{LineHolder, err}
	}
	if err != nil { // it could not be settled, or the work panicked
		seen = observed{err: err}
	}
	return seen, nil
}

// settle prepares the targets of an approved change to be observed after an interruption.
func (g *gate) settle(ctx context.Context, w *work, waiting func(string)) error {
	return g.applier.Settle(ctx, g.authorization(w.run, w.approval), w.approval.Change, waiting)
}

// showWaiting says at the step what it waits for, where people read it. Nothing depends on it.
func (d *driver) showWaiting(ctx context.Context, w *work, text string) {
	if text == w.step.Detail {
		return
	}
	w.step.Detail = text
	// A statement that is cancelled breaks the session.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), progressTimeout)
	defer cancel()
	if err := d.save(ctx, w, nil); err != nil {
		d.engine.log.WarnContext(ctx, "what a step waits for could not be shown", "run", w.run.ID, "step", w.step.Key,
			"error", err)
	}
}

// lockAll takes the lock of everything that a change touches, so two runs never work on one thing
// at once. The locks belong to the session that advances the run, and are always taken in the same
// order. While another run has one, waiting is told which.
func (h *holder) lockAll(
	ctx context.Context, change onboarding.Change, waiting func(string),
) (release func(), err error) {
	list := resources(change)
	release = func() {
		for _, resource := range slices.Backward(list) {
			_ = h.session.Unlock(ctx, resource.lock) // a failure closes the session, which frees the lock
		}
	}
	for _, resource := range list {
		if err := h.lock(ctx, resource, waiting); err != nil {
			release()
			return nil, err
		}
	}
	return release, nil
}

func (h *holder) lock(ctx context.Context, wanted resource, waiting func(string)) error {
	// Most locks are free, and this takes one statement where waiting takes four.
	if locked, err := h.session.TryLock(ctx, wanted.lock); err != nil || locked {
		return err
	}
	for {
		locked, err := h.session.LockWithin(ctx, wanted.lock, lockPause)
		if err != nil || locked {
			return err
		}
		slug, err := h.session.WhoHolds(ctx, wanted.lock)
		if err != nil {
			return err
		}
		if slug != "" {
			waiting("Waiting for " + wanted.what + ", which the run of " + slug + " is using.")
		}
	}
}

// resource is something that one change at a time is applied to.
type resource struct {
	lock locks.Name
	what string // as people call it
}

// resources are what a change needs for itself while it is applied, in the order of their locks,
// each once.
func resources(change onboarding.Change) []resource {
	var list []resource
	for _, item := range change.Items {
		switch {
		case item.SQL != nil:
			list = append(list, resource{locks.Named("platform"), "the platform's database"})
		case item.DNS != nil:
			list = append(list, resource{locks.Named("zone", item.DNS.Zone), "the zone " + item.DNS.Zone})
		case item.Commit != nil:
			list = append(list, resource{locks.Named("repository"), "the repository"})
		case item.Command != nil:
			for _, lock := range item.Command.Locks() {
				list = append(list, resource{locks.Named("host", lock.Host, lock.Name),
					"the " + lock.Name + " lock of " + lock.Host})
			}
		}
	}
	slices.SortFunc(list, func(a, b resource) int { return strings.Compare(a.lock.String(), b.lock.String()) })
	return slices.CompactFunc(list, func(a, b resource) bool { return a.lock == b.lock })
}
