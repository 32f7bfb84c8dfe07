package onboarding

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// apply carries out the approved change, or what is left of it, and looks whether it took effect. An approval is for one
// application: whether it succeeds or fails, the next one asks again.
func (d *driver) apply(ctx context.Context, run *Run, step *Step, approval *Approval, change Change) error {
	attempt := &Attempt{ID: uuid.New(), RunID: run.ID, Step: step.Key, Approval: approval.ID, Outcome: OutcomeRunning}
	step.State, step.Detail = StepApplying, ""
	started := false
	err := d.change(ctx, run.ID, func(tx pgx.Tx, fresh *Run) error {
		if started = fresh.State == RunActive; !started {
			return nil
		}
		if err := insertAttempt(ctx, tx, attempt); err != nil {
			return err
		}
		if err := saveStep(ctx, tx, run, step); err != nil {
			return err
		}
		return addEvent(ctx, tx, Event{RunID: run.ID, Kind: EventApplying, Step: step.Key, Approval: approval.ID, Digest: approval.Digest})
	})
	if err != nil || !started {
		return err
	}
	began := time.Now()
	log := d.record(ctx, attempt)
	if digest, err := change.Digest(); err == nil && digest != approval.Digest {
		log.Line("Going on with what is left of the approved change.")
	}
	err = d.carryOut(ctx, Authorization{Run: run, Step: step.Key, Approval: approval.ID.String(), Digest: approval.Digest, Approvers: approval.approvers()}, change, log)
	var look Observation
	if err == nil {
		look, err = d.effect(ctx, run, step)
	}
	text := log.close(attempt)
	if ctxErr := parentDone(ctx, err); ctxErr != nil {
		return ctxErr
	}
	attempt.Outcome = OutcomeDone
	if err != nil {
		attempt.Outcome, attempt.Error = OutcomeFailed, err.Error()
	}
	if err := finishAttempt(ctx, d.conn, attempt, text); err != nil {
		return err
	}
	switch {
	case err != nil:
		return d.fail(ctx, run, step, approval, err)
	case look.Waiting != "":
		return d.wait(ctx, run, step, approval, look)
	}
	return d.done(ctx, run, step, approval, look, time.Since(began))
}

func (d *driver) carryOut(ctx context.Context, grant Authorization, change Change, log Log) error {
	ctx, cancel := context.WithTimeout(ctx, d.config.StepTimeout)
	defer cancel()
	return d.Runbook.Apply(ctx, grant, change, log)
}

func (d *driver) fail(ctx context.Context, run *Run, step *Step, approval *Approval, cause error) error {
	step.State, step.Detail = StepFailed, cause.Error()
	d.log.WarnContext(ctx, "step failed", "run", run.ID, "step", step.Key, "error", cause)
	return d.move(ctx, run, step, Event{Kind: EventFailed, Text: cause.Error(), Approval: approval.ID, Digest: approval.Digest}, func(tx pgx.Tx) error {
		return closeApproval(ctx, tx, approval, ApprovalUsed)
	})
}

// effect looks until nothing is left to do, for as long as effects may take to show.
func (d *driver) effect(ctx context.Context, run *Run, step *Step) (Observation, error) {
	const pause = 100 * time.Millisecond
	deadline := time.Now().Add(d.config.Settle)
	ahead := d.lookAhead(ctx, run, step)
	for {
		look, err := d.keep(ctx, run, d.see(ctx, run, step.Key))
		finding, bad := look.failed()
		switch {
		case err != nil:
		case bad && look.Change.Empty():
			err = fmt.Errorf("%s: %s", finding.Name, finding.Detail)
		case look.Change.Empty():
			if look.Waiting != "" {
				disregard(ahead)
			}
			return look, nil
		default:
			err = fmt.Errorf("it was applied, and yet this is left to do: %s", look.Change.Summary)
		}
		disregard(ahead)
		if time.Now().After(deadline) {
			return Observation{}, err
		}
		select {
		case <-ctx.Done():
			return Observation{}, errors.Join(err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// hold takes the advisory lock of everything that a change touches, so that two runs never trip over each other. The locks
// belong to the session that advances the run, and are always taken in the same order.
func (d *driver) hold(ctx context.Context, change Change) (release func(), err error) {
	names := change.resources()
	release = func() {
		for _, name := range slices.Backward(names) {
			// A failure here closes with the session, at the latest.
			_, _ = d.conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(hashtextextended($1, 0))`, name)
		}
	}
	for _, name := range names {
		if _, err := d.conn.Exec(ctx, `SELECT pg_advisory_lock(hashtextextended($1, 0))`, name); err != nil {
			release()
			return nil, fmt.Errorf("lock %s: %w", name, err)
		}
	}
	return release, nil
}
