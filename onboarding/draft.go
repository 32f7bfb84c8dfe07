package onboarding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Draft is what somebody typed about a Provider and has not sent. Its inputs are the chat side's, opaque here.
type Draft struct {
	Slug   string
	By     Operator
	Inputs json.RawMessage
	// Updated is when it was typed. Zero, when it is saved, means now.
	Updated time.Time
}

// SaveDraft keeps what was typed, in place of what was kept before. What was typed earlier than that is not kept: keystrokes
// may arrive in another order than they were made.
func (s *Service) SaveDraft(ctx context.Context, draft Draft) error {
	var updated *time.Time
	if !draft.Updated.IsZero() {
		updated = &draft.Updated
	}
	_, err := s.pool.Exec(ctx, `INSERT INTO drafts (slug, operator, inputs, updated_at) VALUES ($1, $2, $3, coalesce($4, clock_timestamp()))
		ON CONFLICT (slug) DO UPDATE SET operator = excluded.operator, inputs = excluded.inputs, updated_at = excluded.updated_at
		WHERE drafts.updated_at <= excluded.updated_at`,
		draft.Slug, draft.By, draft.Inputs, updated)
	if err != nil {
		return fmt.Errorf("draft of %s: %w", draft.Slug, err)
	}
	return nil
}

// Draft returns what was typed about a slug, nil if nothing was.
func (s *Service) Draft(ctx context.Context, slug string) (*Draft, error) {
	draft := &Draft{Slug: slug}
	err := s.pool.QueryRow(ctx, `SELECT operator, inputs, updated_at FROM drafts WHERE slug = $1`, slug).Scan(&draft.By, &draft.Inputs, &draft.Updated)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("draft of %s: %w", slug, err)
	}
	return draft, nil
}

// DropDraft forgets what was typed about a slug.
func (s *Service) DropDraft(ctx context.Context, slug string) error {
	if _, err := s.pool.Exec(ctx, `DELETE FROM drafts WHERE slug = $1`, slug); err != nil {
		return fmt.Errorf("draft of %s: %w", slug, err)
	}
	return nil
}

// WaitingFor returns the open approvals that this operator can decide, oldest first, and those of their own runs that need
// somebody.
func (s *Service) WaitingFor(ctx context.Context, operator string) ([]*Approval, []*Run, error) {
	standing, err := s.Directory.Permissions(ctx, operator)
	if err != nil {
		return nil, nil, fmt.Errorf("operator: %w", err)
	}
	var approvals []*Approval
	if standing.Approves {
		approvals, err = approvalsWhere(ctx, s.pool, `state = 'open' AND expires_at > clock_timestamp()
			AND EXISTS (SELECT FROM runs WHERE runs.id = run_id AND state = 'active' AND requester->>'id' <> $1)
			AND NOT EXISTS (SELECT FROM votes WHERE approval_id = approvals.id AND operator = $1)`, operator)
		if err != nil {
			return nil, nil, err
		}
	}
	runs, err := s.runsWhere(ctx, s.pool, `state = 'active' AND requester->>'id' = $1
		AND EXISTS (SELECT FROM steps WHERE run_id = runs.id AND steps.state IN ('failed', 'rejected', 'expired', 'unknown')) ORDER BY created_at`, operator)
	return approvals, runs, err
}
