package onboarding

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// LiveDomain is a domain that a run made live.
type LiveDomain struct {
	Domain
	// Run is the newest that made it live, Slug whose it is, and Channel where that run was asked for.
	Run     uuid.UUID
	Slug    string
	Channel string
}

// liveDomains selects what runs made live and none took back since. A Provider's later undo counts for all of their earlier runs.
const liveDomains = `
	SELECT DISTINCT ON (domain->>'name') domain, id, slug, channel
	FROM runs, jsonb_array_elements(coalesce(nullif(request->'domains', 'null'), '[]')) domain
	WHERE kind = 'onboard' AND state = 'done'
		AND NOT EXISTS (SELECT FROM runs later WHERE later.slug = runs.slug AND later.kind = 'undo' AND later.state = 'done' AND later.created_at > runs.created_at)
		AND ($1 = '' OR domain->>'name' = $1)
	ORDER BY domain->>'name', created_at DESC`

// LiveDomains returns every domain that a run made live, by name, from the bot's own database.
func LiveDomains(ctx context.Context, pool *pgxpool.Pool) ([]LiveDomain, error) {
	return liveWhere(ctx, pool, "")
}

// LiveDomain returns the domain of this name if a run made it live, nil if none did.
func (s *Service) LiveDomain(ctx context.Context, name string) (*LiveDomain, error) {
	live, err := liveWhere(ctx, s.pool, name)
	if err != nil || len(live) == 0 {
		return nil, err
	}
	return &live[0], nil
}

func liveWhere(ctx context.Context, q querier, name string) ([]LiveDomain, error) {
	rows, err := q.Query(ctx, liveDomains, name)
	if err != nil {
		return nil, fmt.Errorf("live domains: %w", err)
	}
	live, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (LiveDomain, error) {
		var domain LiveDomain
		err := row.Scan(&domain.Domain, &domain.Run, &domain.Slug, &domain.Channel)
		return domain, err
	})
	if err != nil {
		return nil, fmt.Errorf("live domains: %w", err)
	}
	return live, nil
}
