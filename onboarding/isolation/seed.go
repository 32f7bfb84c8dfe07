package isolation

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/atlilith/onboardbot/onboarding/isolation/seed"
	"github.com/atlilith/onboardbot/onboarding/isolation/tenancy"
)

// SeedOptions say where [Seed] makes tenants, and where never.
type SeedOptions struct {
	// OwnerDatabaseURL logs in to the disposable database as the owner of the schema.
	OwnerDatabaseURL string
	// Identity is a query that answers Authoritative on the host that must never be seeded. Both
	// are empty where there is no such query.
	Identity, Authoritative string
}

// Seeded is what [Seed] made.
type Seeded = seed.Result

// Why a database is not seeded.
var (
	ErrHasTenants    = seed.ErrHasTenants
	ErrAuthoritative = seed.ErrAuthoritative
)

// Seed makes a few tenants and rows of each in an empty, disposable database, so a schema can be
// checked before it is deployed. It commits what it made, or nothing. It returns [ErrHasTenants] or
// [ErrAuthoritative] where it must not.
func Seed(ctx context.Context, config Config, options SeedOptions) (Seeded, error) {
	if options.OwnerDatabaseURL == "" {
		return Seeded{}, errors.New("owner_database_url: missing: a login to the disposable database as the owner of " +
			"its schema")
	}
	connection, err := pgx.ParseConfig(options.OwnerDatabaseURL)
	if err != nil {
		return Seeded{}, fmt.Errorf("owner_database_url: %w", err)
	}
	// The catalog of one moment is no use to a statement that was prepared before it changed.
	connection.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, connection)
	if err != nil {
		return Seeded{}, fmt.Errorf("owner_database_url: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	seeded, err := seed.Run(ctx, conn, seed.Config{
		AppRole:  config.AppRole,
		Tenancy:  config.tenancy(),
		Identity: options.Identity, Authoritative: options.Authoritative,
	})
	if err != nil {
		return Seeded{}, fmt.Errorf("seed: %w", err)
	}
	return seeded, nil
}

// tenancy is the part of the configuration that discovery needs.
func (c Config) tenancy() tenancy.Config {
	return tenancy.Config{Users: c.Users, Orgs: c.Orgs, Membership: c.Membership, Tables: c.Tables}
}
