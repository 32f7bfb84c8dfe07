package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/atlilith/onboardbot/onboarding"
)

const (
	// What was typed earlier than the draft that is kept is not kept: keystrokes may arrive in
	// another order than they were made.
	upsertDraft = `INSERT INTO drafts (slug, operator, inputs, updated_at)
		VALUES ($1, $2, $3, coalesce($4, clock_timestamp()))
		ON CONFLICT (slug) DO UPDATE SET operator = excluded.operator, inputs = excluded.inputs,
			updated_at = excluded.updated_at
		WHERE drafts.updated_at <= excluded.updated_at`
	selectDraft = `SELECT operator, inputs, updated_at FROM drafts WHERE slug = $1`
	deleteDraft = `DELETE FROM drafts WHERE slug = $1`
)

// Drafts keeps what people typed and have not sent, one draft for each slug.
type Drafts struct{ db *pgxpool.Pool }

// NewDrafts returns the drafts in the bot's own database, whose connections must have its schema
// as their search path.
func NewDrafts(pool *pgxpool.Pool) *Drafts { return &Drafts{db: pool} }

// Save keeps a draft in place of the one before, unless that one was typed later.
func (d *Drafts) Save(ctx context.Context, draft onboarding.Draft) error {
	_, err := d.db.Exec(ctx, upsertDraft, draft.Slug, draft.By, draft.Inputs, orNull(draft.Updated))
	if err != nil {
		return fmt.Errorf("draft of %s: %w", draft.Slug, err)
	}
	return nil
}

// Get returns the draft of a slug, nil if there is none.
func (d *Drafts) Get(ctx context.Context, slug string) (*onboarding.Draft, error) {
	draft := &onboarding.Draft{Slug: slug}
	err := d.db.QueryRow(ctx, selectDraft, slug).Scan(&draft.By, &draft.Inputs, &draft.Updated)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("draft of %s: %w", slug, err)
	}
	return draft, nil
}

// Drop forgets the draft of a slug.
func (d *Drafts) Drop(ctx context.Context, slug string) error {
	if _, err := d.db.Exec(ctx, deleteDraft, slug); err != nil {
		return fmt.Errorf("draft of %s: %w", slug, err)
	}
	return nil
}
