package service

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// Press is a press of a button, or a form that was sent, which did not count.
type Press struct {
	// Approval is what it was for. It is zero for a press that is about the whole run. Both are
	// zero for one that is about no run.
	Approval, Run uuid.UUID
	Operator      string // the id of who pressed
}

// Forged records that somebody pressed in something that the bot did not deliver, where says in
// what, and shows it in the thread of the run. A press about no run, or about one that does not
// exist, is in the audit trail alone.
func (p Press) Forged(ctx context.Context, s *Service, where string) error {
	event, err := p.event(ctx, s, onboarding.EventForged, where)
	if err != nil {
		return err
	}
	if event.RunID == uuid.Nil {
		return store.On(s.pool).AddEvent(ctx, event)
	}
	return s.change(ctx, event.RunID, func(tx pgx.Tx, _ *onboarding.Run) error {
		return store.On(tx).AddEvent(ctx, event)
	})
}

// Refused records once why somebody may not do what they pressed for. It returns why, or another
// error if the audit trail cannot have it.
func (p Press) Refused(ctx context.Context, s *Service, why error) error {
	event, err := p.event(ctx, s, onboarding.EventRefused, why.Error())
	if err == nil {
		err = store.AddEventOnce(ctx, s.pool, event)
	}
	if err != nil {
		return fmt.Errorf("record that a press did not count (%s): %w", why.Error(), err)
	}
	return why
}

func (p Press) event(
	ctx context.Context, s *Service, kind onboarding.EventKind, text string,
) (onboarding.Event, error) {
	event := onboarding.Event{Kind: kind, Text: text}
	permissions, err := s.deps.Directory.Permissions(ctx, p.Operator)
	if err != nil {
		return event, fmt.Errorf("who pressed: %w", err)
	}
	event.Actor = permissions.Operator
	if p.Approval != uuid.Nil {
		approval, err := s.Records.Approval(ctx, p.Approval)
		if err == nil {
			event.RunID, event.Step = approval.RunID, approval.Step
			event.Approval, event.Digest = approval.ID, approval.Digest
			return event, nil
		}
		if !errors.Is(err, onboarding.ErrNotFound) {
			return event, err
		}
	}
	if p.Run == uuid.Nil {
		return event, nil
	}
	switch _, err := s.Records.View(ctx, p.Run); {
	case err == nil:
		event.RunID = p.Run
	case !errors.Is(err, onboarding.ErrNotFound):
		return event, err
	}
	return event, nil
}
