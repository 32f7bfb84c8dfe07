package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/routine"
	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// checkTimeout bounds a question to the database about the holder of a run. Together with
// [progressInterval] it is less than [liveness.Lease]: a process that is cut off from the database
// stops what it is doing before another one goes on with it.
const checkTimeout = 4 * time.Second

// holder is this process as the one that advances a run: the session has the run's lock, and the
// token is greater than that of every holder before. It is for the driver's goroutine, except
// where a method says otherwise.
type holder struct {
	session Session
	run     uuid.UUID
	token   int64
	// questions are those of [holder.confirm], which [holder.attend] answers.
	questions chan chan<- error
}

// takeUp makes the process whose session has the lock of a run its newest holder.
func takeUp(ctx context.Context, session Session, run uuid.UUID) (*holder, error) {
	token, err := session.NextToken(ctx, run)
	if err != nil {
		return nil, err
	}
	return &holder{session: session, run: run, token: token, questions: make(chan chan<- error)}, nil
}

// identity is the holder as targets know it.
func (h *holder) identity() onboarding.Holder {
	return onboarding.Holder{Token: h.token, Confirm: h.confirm}
}

// check asks the database, over the session that has the run's lock, whether it still has it and
// whether the token is the newest. The error wraps [onboarding.ErrNotHolder].
func (h *holder) check(ctx context.Context) error {
	_, err := h.standing(ctx)
	return err
}

// standing is [holder.check], and returns the state of the run at that moment.
func (h *holder) standing(ctx context.Context) (now store.Standing, err error) {
	// The answer is waited for even if ctx has ended, since a statement that is cancelled breaks
	// the session, which is needed to write down the outcome.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	held, err := h.session.Holds(ctx, runLock(h.run))
	if err != nil {
		return now, fmt.Errorf("%w: the connection that holds its lock is lost: %w", onboarding.ErrNotHolder, err)
	}
	if !held {
		return now, fmt.Errorf("%w: the lock of the run is gone", onboarding.ErrNotHolder)
	}
	now, err = h.session.StandingOf(ctx, h.run)
	if err != nil {
		return now, fmt.Errorf("%w, perhaps: %w", onboarding.ErrNotHolder, err)
	}
	if now.Token != h.token {
		return now, onboarding.ErrNotHolder
	}
	return now, nil
}

// confirm is check for the work that attend does on another goroutine.
func (h *holder) confirm(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case h.questions <- answer:
		return <-answer
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// attend does some work on another goroutine. While it lasts, it calls show from time to time, on
// its own goroutine, which owns the session, and makes sure that this is still the holder: if not,
// it cancels the work and returns [onboarding.ErrNotHolder] once that has ended. A panic of the
// work is its error: what it did is unknown until it is observed.
func (h *holder) attend(ctx context.Context, work func(context.Context) error, show func()) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error, 1)
	routine.Go(func() { done <- routine.Call(func() error { return work(ctx) }) })
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	var lost error
	for {
		select {
		case err := <-done:
			if lost != nil {
				return errors.Join(lost, err)
			}
			return err
		case answer := <-h.questions:
			answer <- h.check(ctx)
		case <-ticker.C:
			if lost != nil || len(done) > 0 {
				continue
			}
			if lost = h.check(ctx); lost != nil {
				cancel(lost)
				continue
			}
			show()
		}
	}
}
