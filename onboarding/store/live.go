package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding"
)

// The relation "live" has the onboardings that went well and were not taken back since: by their
// own undo or, where a run had found everything there and applied nothing, by any later one.
const (
	live = `WITH live AS (
		SELECT * FROM runs
		WHERE kind = 'onboard' AND state = 'done' AND NOT EXISTS (
			SELECT FROM runs undo
			WHERE undo.slug = runs.slug AND undo.kind = 'undo' AND undo.state = 'done' AND (undo.undoes = runs.id
				OR undo.created_at > runs.created_at AND NOT EXISTS (SELECT FROM attempts WHERE run_id = runs.id)))) `

	newestLive = live + selectRuns + ` WHERE id = ANY (ARRAY(
		SELECT DISTINCT ON (slug) id FROM live ORDER BY slug, created_at DESC LIMIT $1)) ORDER BY slug`

	selectLiveDomains = live + `SELECT DISTINCT ON (domain->>'name') domain, id, slug, channel
		FROM live, jsonb_array_elements(coalesce(nullif(request->'domains', 'null'), '[]')) domain`
	newestOfDomain = ` ORDER BY domain->>'name', created_at DESC`
	liveDomains    = selectLiveDomains + newestOfDomain
	liveDomain     = selectLiveDomains + ` WHERE id IN (SELECT run_id FROM run_domains WHERE domain = $1)
		AND domain->>'name' = $1` + newestOfDomain

	// domainOwner is who has domain $1, one below it, or one of those above it, $4.
	domainOwner = live + `, near AS (
			SELECT * FROM run_domains WHERE domain = $1 OR domain = ANY($4)
			UNION ALL SELECT * FROM run_domains WHERE reverse(domain) LIKE reverse('.' || $1) || '%'
				AND right(domain, length($1) + 1) = '.' || $1)
		SELECT slug, domain FROM near JOIN runs ON id = run_id
		WHERE id = ANY (ARRAY(SELECT run_id FROM near)) AND slug <> $2
			AND (active OR id IN (SELECT id FROM live WHERE id = ANY (ARRAY(SELECT run_id FROM near))))
			AND (domain <> ALL($4) OR $3 = '' OR request->'org'->>'slug' IS DISTINCT FROM $3)
		ORDER BY created_at LIMIT 1`
)

// DomainClaim is a domain that somebody asks for.
type DomainClaim struct {
	Domain, Slug string
	// Org is the Org that they join, whose owner may give them names below their own. Empty: none.
	Org string
}

// DomainOwner returns the slug of another Provider, live or being onboarded, one of whose domains
// is the one that is asked for, above it or below it, and that domain. Both are empty if there is
// none.
func DomainOwner(ctx context.Context, db DB, claim DomainClaim) (slug, domain string, err error) {
	above := []string{}
	for _, name, _ := strings.Cut(claim.Domain, "."); name != ""; _, name, _ = strings.Cut(name, ".") {
		above = append(above, name)
	}
	err = db.QueryRow(ctx, domainOwner, claim.Domain, claim.Slug, claim.Org, above).Scan(&slug, &domain)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("owner of %s: %w", claim.Domain, err)
	}
	return slug, domain, nil
}

// LiveDomains returns every domain that a run made live, by name.
func LiveDomains(ctx context.Context, db DB) ([]onboarding.LiveDomain, error) {
	return queryLiveDomains(ctx, db, liveDomains)
}

// LiveDomain returns the domain of this name if a run made it live, nil if none did.
func (r *Records) LiveDomain(ctx context.Context, name string) (*onboarding.LiveDomain, error) {
	return LiveDomain(ctx, r.db, name)
}

// LiveDomain is [Records.LiveDomain] on a connection of the caller.
func LiveDomain(ctx context.Context, db DB, name string) (*onboarding.LiveDomain, error) {
	live, err := queryLiveDomains(ctx, db, liveDomain, name)
	if err != nil || len(live) == 0 {
		return nil, err
	}
	return &live[0], nil
}

// Live returns the onboardings that went well and were not taken back since, by slug, the newest
// of each.
func (r *Records) Live(ctx context.Context, limit int) ([]*onboarding.Run, error) {
	return queryRuns(ctx, r.db, newestLive, limit)
}

func queryLiveDomains(ctx context.Context, db DB, query string, args ...any) ([]onboarding.LiveDomain, error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("live domains: %w", err)
	}
	live, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (onboarding.LiveDomain, error) {
		var domain onboarding.LiveDomain
		err := row.Scan(&domain.Domain, &domain.Run, &domain.Slug, &domain.Channel)
		return domain, err
	})
	if err != nil {
		return nil, fmt.Errorf("live domains: %w", err)
	}
	return live, nil
}
