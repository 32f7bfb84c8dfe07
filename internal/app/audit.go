package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/atlilith/onboardbot/internal/config"
	"github.com/atlilith/onboardbot/onboarding/audit"
	"github.com/atlilith/onboardbot/onboarding/store"
)

// VerifyAudit verifies the audit chain, which must have the heads.
func VerifyAudit(ctx context.Context, settings *config.Config, heads []audit.Head) (audit.Report, error) {
	pool, err := OpenPool(ctx, settings.Database)
	if err != nil {
		return audit.Report{}, err
	}
	defer pool.Close()
	return store.VerifyChain(ctx, pool, heads...)
}

// ExportAudit returns everything that the audit chain holds about a run, which is named by its id
// or, for the newest of a Provider, by the slug.
func ExportAudit(ctx context.Context, settings *config.Config, run string) (*audit.File, error) {
	pool, err := OpenPool(ctx, settings.Database)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	id, err := uuid.Parse(run)
	if err != nil {
		latest, err := store.NewRecords(pool).Latest(ctx, run)
		if err != nil {
			return nil, err
		}
		id = latest.ID
	}
	return store.ExportChain(ctx, pool, id)
}
