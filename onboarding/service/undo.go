package service

import (
	"context"
	"fmt"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Undo begins a run that takes back what the newest onboarding of a slug did, in however many
// runs. Each compensating change is approved like any other. A run that is still active must be
// cancelled first ([onboarding.ErrBusy]). It returns [onboarding.ErrNotOperator],
// [onboarding.ErrNotFound], or [onboarding.ErrNothing] when nothing was applied.
func (s *Service) Undo(
	ctx context.Context, slug string, deleteCertificates bool, asked Asked,
) (*onboarding.Run, error) {
	return s.once(ctx, asked, func(requester onboarding.Operator) (*onboarding.Run, error) {
		latest, err := s.Records.Latest(ctx, slug)
		if err != nil {
			return nil, err
		}
		if latest.State == onboarding.RunActive {
			return nil, fmt.Errorf("the run of %s is active: %w", slug, onboarding.ErrBusy)
		}
		undone, err := s.Records.Undoable(ctx, slug)
		if err != nil {
			return nil, err
		}
		run := &onboarding.Run{Kind: onboarding.KindUndo, Request: undone.Request, Requester: requester,
			Channel: asked.Channel, TenantID: undone.TenantID, Facts: undone.Facts,
			Undoes: &onboarding.Undoes{Run: undone.ID, DeleteCertificates: deleteCertificates}}
		run.Request.At = asked.At
		if err := store.LoadUndone(ctx, s.pool, run); err != nil {
			return nil, err
		}
		if len(run.Undoes.Applied) == 0 {
			return nil, onboarding.ErrNothing
		}
		run.Steps = pending(s.deps.Runbook.UndoSteps(run))
		run, err = s.insert(ctx, run, asked)
		switch store.Violates(err) {
		case store.OneActiveRunPerSlug, store.OneActiveRunPerDomain:
			return nil, fmt.Errorf("another run of %s began meanwhile: %w", slug, onboarding.ErrBusy)
		}
		return run, err
	})
}
