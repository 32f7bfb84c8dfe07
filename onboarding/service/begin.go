package service

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Asked says who asks for a run and where.
type Asked struct {
	Operator string // the id of who asks
	Channel  string // where the run's thread is to be
	// Submission is what the chat side calls the form or press that asks. One that is sent twice
	// begins one run.
	Submission string
	// Replaces is the active onboarding of the same slug whose place a new one takes, since its
	// request was edited, zero for none. It is cancelled when the new one begins.
	Replaces uuid.UUID
	// At is when the changes of an undo or a renewal may be applied first, nil for at once. The
	// request of an onboarding says it.
	At *onboarding.Moment
}

// Begin starts a run for a request. It returns [onboarding.Problems] for a request that cannot
// stand, and [onboarding.ErrNotOperator]. For a run that takes the place of another it also
// returns [onboarding.ErrRunEnded] if that one has ended, and [onboarding.ErrBusy] while a step of
// it is being applied.
func (s *Service) Begin(ctx context.Context, request onboarding.Request, asked Asked) (*onboarding.Run, error) {
	return s.once(ctx, asked, func(requester onboarding.Operator) (*onboarding.Run, error) {
		if err := s.CheckEdited(ctx, request, asked.Replaces); err != nil {
			return nil, err
		}
		run, err := s.insert(ctx, &onboarding.Run{Kind: onboarding.KindOnboard, Request: request, Requester: requester,
			Channel: asked.Channel, TenantID: uuid.New(), Steps: pending(s.deps.Runbook.Steps(request))}, asked)
		switch store.Violates(err) {
		case store.OneActiveRunPerSlug:
			return nil, onboarding.Problems{onboarding.FieldSlug: beingOnboarded(request.Slug)}
		case store.OneActiveRunPerDomain:
			return nil, onboarding.Problems{onboarding.FieldDomains: "One of these domains is now part of another " +
				"run. Leave it out, or wait until that run has ended."}
		}
		return run, err
	})
}

// once begins the run of a submission, or returns the run that the submission began before. Where
// a submission is handled twice at the same time, begin may fail because of the run that the other
// has begun: once returns that run then.
func (s *Service) once(
	ctx context.Context, asked Asked, begin func(requester onboarding.Operator) (*onboarding.Run, error),
) (*onboarding.Run, error) {
	requester, err := s.Operator(ctx, asked.Operator)
	if err != nil {
		return nil, err
	}
	run, err := store.RunBySubmission(ctx, s.pool, asked.Submission)
	if err != nil || run != nil {
		return run, err
	}
	run, err = begin(requester)
	if err == nil {
		return run, nil
	}
	if begun, lookup := store.RunBySubmission(ctx, s.pool, asked.Submission); lookup == nil && begun != nil {
		return begun, nil
	}
	return nil, err
}

// insert gives a new run its id, stores it and wakes the engine. Which unique constraint stands in
// the way is told by [store.Violates].
func (s *Service) insert(ctx context.Context, run *onboarding.Run, asked Asked) (*onboarding.Run, error) {
	var err error
	if run.ID, err = uuid.NewV7(); err != nil {
		return nil, err
	}
	run.State = onboarding.RunActive
	run.Signature = s.deps.SecondFactor.SignRun(run)
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if asked.Replaces != uuid.Nil {
			if err := replace(ctx, tx, asked.Replaces, run.Requester); err != nil {
				return err
			}
			if err := s.deps.Notifier.RunChanged(ctx, tx, asked.Replaces); err != nil {
				return err
			}
		}
		if err := store.InsertRun(ctx, tx, run, asked.Submission); err != nil {
			return err
		}
		if err := store.On(tx).SaveFacts(ctx, run, run.Facts); err != nil {
			return err
		}
		event := onboarding.Event{RunID: run.ID, Kind: onboarding.EventRequested, Actor: run.Requester}
		if err := store.On(tx).AddEvent(ctx, event); err != nil {
			return err
		}
		if err := store.NotifyUndone(ctx, tx, s.deps.Notifier, run); err != nil {
			return err
		}
		return s.announce(ctx, tx, run.ID)
	})
	if err != nil {
		return nil, fmt.Errorf("new run: %w", err)
	}
	s.log.InfoContext(ctx, "run began", "run", run.ID, "kind", run.Kind, "slug", run.Request.Slug,
		"requester", run.Requester.ID)
	return run, nil
}

// pending are the steps of a new run.
func pending(definitions []onboarding.Definition) []onboarding.Step {
	steps := make([]onboarding.Step, len(definitions))
	for i, definition := range definitions {
		steps[i] = onboarding.Step{Definition: definition, State: onboarding.StepPending}
	}
	return steps
}
