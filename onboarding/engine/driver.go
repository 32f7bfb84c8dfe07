package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/locks"
	"github.com/atlilith/onboardbot/onboarding"
)

var errHeld = errors.New("the run is being advanced elsewhere")

// runLock is the lock under which a run is advanced.
func runLock(id uuid.UUID) locks.Name { return locks.Named("run", id.String()) }

// advance takes a run as far as it goes by itself. It writes everything through the one session
// that holds the run's lock: should that session end, the lock is free for another process and
// this one can write nothing more. What it does outside carries the token of [takeUp].
//
// If again is not 0, a window opens after that time.
func (e *Engine) advance(ctx context.Context, id uuid.UUID) (again time.Duration, err error) {
	session, err := e.open(ctx)
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", id, err)
	}
	defer session.Close()
	locked, err := session.TryLock(ctx, runLock(id))
	if err != nil {
		return 0, err
	}
	if !locked {
		return 0, errHeld
	}
	holder, err := takeUp(ctx, session, id)
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(ctx)
	gate := &gate{applier: e.applier, directory: e.directory, signer: e.signer, policy: &e.policy, holder: holder}
	driver := &driver{engine: e, holder: holder, gate: gate, observer: newObserver(e),
		holds: holds{}}
	e.driven.Store(id, driver.observer.wakeups)
	defer func() {
		e.driven.Delete(id)
		stop()
		driver.observer.running.Wait()
	}()
	for {
		more, err := driver.step(ctx, id)
		if err != nil {
			return 0, fmt.Errorf("run %s: %w", id, err)
		}
		if !more {
			e.logHead(ctx, driver.db(), id)
			return driver.holds.untilNext(), nil
		}
	}
}

// logHead leaves the head of the run's audit chain in the log, where nobody who can write to the
// database can edit it.
func (e *Engine) logHead(ctx context.Context, session Session, id uuid.UUID) {
	head, err := session.HeadOf(ctx, id)
	if err != nil {
		e.log.WarnContext(ctx, "the head of the audit chain could not be read", "run", id, "error", err)
		return
	}
	e.log.InfoContext(ctx, "run advanced", "run", id, "audit", head.String())
}

// driver advances one run while its session holds the run's lock. It is for one goroutine.
type driver struct {
	engine   *Engine
	holder   *holder
	gate     *gate
	observer *observer
	freeze   *onboarding.Freeze // holds what is approved, nil when nothing does
	holds    holds
}

// db is the connection that holds the run's lock.
func (d *driver) db() Session { return d.holder.session }

// step does the next thing there is to do for the run and reports whether there may be more.
func (d *driver) step(ctx context.Context, id uuid.UUID) (more bool, err error) {
	run, err := d.db().LoadRun(ctx, id)
	if err != nil || run.State != onboarding.RunActive {
		return false, err
	}
	if run, err = d.keepTime(ctx, run); err != nil {
		return false, err
	}
	if d.freeze, err = d.db().Frozen(ctx); err != nil {
		return false, err
	}
	d.observer.collect(run)
	d.observer.observeAll(ctx, run)
	observation, until := d.observer.next(run)
	if observation != nil {
		return true, d.applyObservation(ctx, run, observation)
	}
	if step := d.reconcilable(run); step != nil {
		return true, d.reconcile(ctx, run, step)
	}
	if run.Finished() {
		return false, d.finish(ctx, run)
	}
	if d.observer.busy() {
		return true, d.observer.wait(ctx, until)
	}
	return false, nil
}

// reconcilable returns the next step that was interrupted, or is approved and held neither by a
// freeze nor by its window, nil if there is none. Those that were interrupted come first: what an
// earlier holder still does is over before this one changes anything.
func (d *driver) reconcilable(run *onboarding.Run) *onboarding.Step {
	for _, state := range []onboarding.StepState{onboarding.StepApplying, onboarding.StepApproved} {
		for i := range run.Steps {
			step := &run.Steps[i]
			held := state == onboarding.StepApproved && (d.freeze != nil || d.holds.has(step))
			if step.State == state && run.Ready(step) && !held {
				return step
			}
		}
	}
	return nil
}

// finish ends the run, whose steps are all done.
func (d *driver) finish(ctx context.Context, run *onboarding.Run) error {
	return d.db().ChangeRun(ctx, run.ID, func(tx Tx, run *onboarding.Run) error {
		if run.State != onboarding.RunActive || !run.Finished() {
			return nil
		}
		run.State = onboarding.RunDone
		if err := tx.EndRun(ctx, run); err != nil {
			return err
		}
		d.engine.log.InfoContext(ctx, "run done", "run", run.ID, "slug", run.Request.Slug)
		event := onboarding.Event{RunID: run.ID, Kind: onboarding.EventFinished, Took: time.Since(run.Created)}
		if err := tx.AddEvent(ctx, event); err != nil {
			return err
		}
		return tx.NotifyUndone(ctx, run)
	})
}
