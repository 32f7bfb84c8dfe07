package onboarding

import (
	"context"
	"fmt"
	"strings"

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

// takenBack is, in SQL, that what the run of this name made live was taken back: by its undo or, where it had found everything there, by
// any later one.
func takenBack(run string) string {
	return strings.ReplaceAll(`EXISTS (SELECT FROM runs undo WHERE undo.slug = RUN.slug AND undo.kind = 'undo' AND undo.state = 'done'
		AND (undo.undoes = RUN.id OR undo.created_at > RUN.created_at AND NOT EXISTS (SELECT FROM attempts WHERE run_id = RUN.id)))`, "RUN", run)
}

// liveDomains selects what runs made live and none took back since.
var liveDomains = `
	SELECT DISTINCT ON (domain->>'name') domain, id, slug, channel
	FROM runs, jsonb_array_elements(coalesce(nullif(request->'domains', 'null'), '[]')) domain
	WHERE kind = 'onboard' AND state = 'done'
		AND NOT ` + takenBack("runs") + `
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
