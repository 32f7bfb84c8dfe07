package isolation

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/seed"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// Seeded is what [Seed] made.
type Seeded = seed.Result

// ErrHasTenants means that a database is not seeded, since it is not empty.
var ErrHasTenants = seed.ErrHasTenants

// Seed makes a few tenants and rows of each in an empty, disposable database, so a schema can be
// checked before it is deployed. It commits what it made, or nothing. It returns [ErrHasTenants] or
// [ErrAuthoritative] where it must not.
func Seed(ctx context.Context, config Config, database Disposable) (Seeded, error) {
	owner, err := database.owner(ctx)
	if err != nil {
		return Seeded{}, err
	}
	conn, err := pgx.ConnectConfig(ctx, owner)
	if err != nil {
		return Seeded{}, fmt.Errorf("owner_database_url: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	seeded, err := seed.Run(ctx, conn, seed.Config{AppRole: config.AppRole, Tenancy: config.tenancy()})
	if err != nil {
		return Seeded{}, fmt.Errorf("seed: %w", err)
	}
	return seeded, nil
}

// tenancy is the part of the configuration that discovery needs.
func (c Config) tenancy() tenancy.Config {
	return tenancy.Config{Users: c.Users, Orgs: c.Orgs, NoOrgs: c.NoOrgs, Membership: c.Membership, Tables: c.Tables}
}
