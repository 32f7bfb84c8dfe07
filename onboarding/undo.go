package onboarding

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Undoes is what a run takes back: the changes that another one applied, or may have.
type Undoes struct {
	Run uuid.UUID
	// DeleteCertificates also deletes the certificates; otherwise they are kept, since issuing them again is rate-limited.
	DeleteCertificates bool
	// Applied are the changes of that run of which an application was begun, oldest first. How far one came is for the step to
	// see.
	Applied []Applied
}

// Applied is a change of a step of which an application was begun.
type Applied struct {
	Step   Key
	Change Change
}

// loadUndoes reads what a run takes back; it does nothing for a run of another kind.
func loadUndoes(ctx context.Context, q querier, run *Run) error {
	if run.Undoes == nil {
		return nil
	}
	approvals, err := approvalsWhere(ctx, q, `run_id = $1 AND EXISTS (SELECT FROM attempts WHERE approval_id = approvals.id)`, run.Undoes.Run)
	if err != nil {
		return fmt.Errorf("changes of run %s: %w", run.Undoes.Run, err)
	}
	for _, approval := range approvals {
		run.Undoes.Applied = append(run.Undoes.Applied, Applied{Step: approval.Step, Change: approval.Change})
	}
	return nil
}

// Undo begins a run that takes back what the newest onboarding of a slug did, each compensating change asked for like any
// other. A run that is still active must be cancelled first ([ErrBusy]). It returns [ErrNotOperator], [ErrNotFound], or
// [ErrNothing] when nothing was applied.
func (s *Service) Undo(ctx context.Context, slug string, deleteCertificates bool, operator, channel, submission string) (*Run, error) {
	requester, err := s.operator(ctx, operator)
	if err != nil {
		return nil, err
	}
	if run, err := s.bySubmission(ctx, submission); err != nil || run != nil {
		return run, err
	}
	latest, err := s.Latest(ctx, slug)
	if err != nil {
		return nil, err
	}
	if latest.State == RunActive {
		return nil, fmt.Errorf("the run of %s is active: %w", slug, ErrBusy)
	}
	undone, err := s.earlier(ctx, slug)
	if err != nil {
		return nil, err
	}
	if undone == nil {
		return nil, fmt.Errorf("run of %s: %w", slug, ErrNotFound)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	run := &Run{ID: id, Kind: KindUndo, Request: undone.Request, Requester: requester, State: RunActive, Channel: channel,
		TenantID: undone.TenantID, Facts: undone.Facts, Undoes: &Undoes{Run: undone.ID, DeleteCertificates: deleteCertificates}}
	if err := loadUndoes(ctx, s.pool, run); err != nil {
		return nil, err
	}
	if len(run.Undoes.Applied) == 0 {
		return nil, ErrNothing
	}
	for _, definition := range s.Runbook.UndoSteps(run) {
		run.Steps = append(run.Steps, Step{Definition: definition, State: StepPending})
	}
	err = s.insert(ctx, run, submission)
	if violates(err) == "runs_submission_key" {
		return s.bySubmission(ctx, submission)
	}
	if name := violates(err); name == "runs_one_active_per_slug" || name == "run_domains_one_active" {
		return nil, fmt.Errorf("another run of %s began meanwhile: %w", slug, ErrBusy)
	}
	if err != nil {
		return nil, fmt.Errorf("new run: %w", err)
	}
	return run, nil
}

// insert puts a new run where the engine finds it.
func (s *Service) insert(ctx context.Context, run *Run, submission string) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if err := insertRun(ctx, tx, run, submission); err != nil {
			return err
		}
		if err := saveFacts(ctx, tx, run, run.Facts); err != nil {
			return err
		}
		if err := addEvent(ctx, tx, Event{RunID: run.ID, Kind: EventRequested, Actor: run.Requester}); err != nil {
			return err
		}
		return s.announce(ctx, tx, run.ID)
	})
	if err == nil {
		s.log.InfoContext(ctx, "run began", "run", run.ID, "kind", run.Kind, "slug", run.Request.Slug, "requester", run.Requester.ID)
	}
	return err
}
